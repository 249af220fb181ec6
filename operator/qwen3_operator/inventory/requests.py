"""What pods request, counted as the Kubernetes scheduler counts it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qwen3_operator.inventory.quantity import amount, millicores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Resources = Counter[str]
"""Resource name to amount: ``cpu`` in millicores, ``memory`` in bytes, the rest in devices."""

_FINISHED = frozenset({"Succeeded", "Failed"})


def resources(raw: Mapping[str, Any] | None) -> Resources:
    """Amounts of a ``requests`` or ``allocatable`` map."""
    return Counter({name: millicores(text) if name == "cpu" else amount(text) for name, text in (raw or {}).items()})


def pod_requests(pod: Mapping[str, Any]) -> Resources:
    """Effective request of a pod (``PodRequests`` of k8s.io/component-helpers).

    Sidecars (init containers with restartPolicy Always) run beside the containers; each other init container runs
    alone beside the sidecars started before it; the larger need counts. Requests of the pod as a whole replace the
    sum for the resources they name. Overhead of the runtime class comes on top.
    """
    spec = pod["spec"]
    running = _sum(_requested(container) for container in spec.get("containers") or ())
    sidecars: Resources = Counter()
    starting: Resources = Counter()
    for container in spec.get("initContainers") or ():
        requested = _requested(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, requested))
            starting |= sidecars
        else:
            starting |= _sum((sidecars, requested))
    effective = _sum((running, sidecars)) | starting
    effective.update(_replacements(effective, resources((spec.get("resources") or {}).get("requests"))))
    return _sum((effective, resources(spec.get("overhead"))))


def occupies(pod: Mapping[str, Any]) -> bool:
    """Whether the pod is bound to a node and not finished."""
    phase = (pod.get("status") or {}).get("phase")
    return bool(pod["spec"].get("nodeName")) and phase not in _FINISHED


def _requested(container: Mapping[str, Any]) -> Resources:
    """Requests; a limit without a request is one (the API server defaults it so for extended resources too)."""
    raw = container.get("resources") or {}
    return resources((raw.get("limits") or {}) | (raw.get("requests") or {}))


def _sum(parts: Iterable[Resources]) -> Resources:
    total: Resources = Counter()
    for part in parts:
        total.update(part)
    return total


def _replacements(effective: Resources, whole_pod: Resources) -> dict[str, int]:
    """Differences that bring ``effective`` to what the pod as a whole requests."""
    return {name: value - effective[name] for name, value in whole_pod.items()}
