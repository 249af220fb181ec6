"""What pods request, counted as the Kubernetes scheduler counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.inventory.quantity import amount, millicores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Resources = dict[str, int]
"""Resource name to amount: ``cpu`` in millicores, ``memory`` in bytes, the rest in devices."""

_FINISHED = frozenset({"Succeeded", "Failed"})


def resources(raw: Mapping[str, Any] | None) -> Resources:
    """Amounts of a ``requests`` or ``allocatable`` map."""
    return {name: millicores(text) if name == "cpu" else amount(text) for name, text in (raw or {}).items()}


def pod_requests(pod: Mapping[str, Any]) -> Resources:
    """Effective request of a pod (``PodRequests`` of k8s.io/component-helpers).

    Sidecars (init containers with restartPolicy Always) run beside the containers; each other init container runs
    alone beside the sidecars started before it; the larger need counts. Requests of the pod as a whole replace the
    sum for the resources they name. Overhead of the runtime class comes on top.
    """
    spec = pod["spec"]
    total: Resources = {}
    for container in spec.get("containers") or ():
        add(total, _requested(container))
    if spec.get("initContainers"):
        sidecars, starting = _initial(spec["initContainers"])
        add(total, sidecars)
        total = _larger(total, starting)
    total |= resources((spec.get("resources") or {}).get("requests"))
    add(total, resources(spec.get("overhead")))
    return total


def occupies(pod: Mapping[str, Any]) -> bool:
    """Whether the pod is bound to a node and not finished."""
    return bool(pod["spec"].get("nodeName")) and not is_finished(pod)


def is_finished(pod: Mapping[str, Any]) -> bool:
    """Whether all its containers ended for good: it takes nothing any more."""
    return (pod.get("status") or {}).get("phase") in _FINISHED


def add(total: Resources, more: Resources) -> None:
    """Add to ``total`` in place; this runs for every container of the cluster."""
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _initial(containers: Iterable[Mapping[str, Any]]) -> tuple[Resources, Resources]:
    """What all sidecars take, and the most that is taken at a time while the pod starts."""
    sidecars: Resources = {}
    starting: Resources = {}
    for container in containers:
        requested = _requested(container)
        if container.get("restartPolicy") == "Always":
            add(sidecars, requested)
            starting = _larger(starting, sidecars)
        else:
            add(requested, sidecars)
            starting = _larger(starting, requested)
    return sidecars, starting


def _larger(one: Resources, other: Resources) -> Resources:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one | other}


def _requested(container: Mapping[str, Any]) -> Resources:
    """Requests; a limit without a request is one (the API server defaults it so for extended resources too)."""
    raw = container.get("resources") or {}
    return resources((raw.get("limits") or {}) | (raw.get("requests") or {}))
