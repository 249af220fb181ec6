"""Pods of a deployment as the autoscaler counts them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator.manifests.groups import INDEX_LABEL
from qwen3_operator.manifests.names import PLACEMENT_LABEL, dns_label
from qwen3_operator.reconcile.observed import PodView, condition
from qwen3_operator.scaling import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCRAPE_SECONDS = 30.0
"""How long a pod that became ready may be missing in Prometheus: its next scrape, and the way there."""


@dataclass(frozen=True, slots=True)
class FleetView:
    """The pods at one moment."""

    fleets: tuple[Fleet, ...]
    """By placement."""
    pods: frozenset[str]
    """Names of all that exist."""
    serving: frozenset[str]
    """Names of those whose metrics must be there by now."""
    startup: Mapping[str, float]
    """Longest seconds from a pod's creation to its readiness, by pool; only of pods that are ready and never failed."""


def fleet(asked: Mapping[str, int], pods: Sequence[Mapping[str, Any]], now: float) -> FleetView:
    """Count pods.

    Args:
        asked: Replicas by pool. What is asked for and not ready is on its way, whether its pod exists or not; pods
            beyond it, as in a rolling update, are no capacity.
        pods: Of the deployment.
        now: Seconds since the epoch.
    """
    views = [PodView(pod) for pod in pods]
    ready = [view for view in views if view.is_ready]
    fleets, startup = [], {}
    for pool, count in asked.items():
        label = dns_label(pool)
        here = [view for view in ready if _label(view) == label]
        draining = sum(view.leads and _label(view) == label and _is_ending(view) for view in views)
        serving = min(len(here), count)
        fleets.append(Fleet(pool, serving, count - serving, draining))
        if took := [seconds for view in here if (seconds := _startup(view)) is not None]:
            startup[pool] = max(took)
    return FleetView(
        tuple(fleets),
        frozenset(view.name for view in views),
        scraped({view.name: view.ready_since(now) for view in ready}, now),
        startup,
    )


def scraped(ready: Mapping[str, float], now: float) -> frozenset[str]:
    """Of pods by the second since which they are ready, those whose metrics must be there by now."""
    return frozenset(name for name, since in ready.items() if now - since > SCRAPE_SECONDS)


def emptiest_first(pods: Iterable[Mapping[str, Any]], in_flight: Mapping[str, float]) -> dict[str, int]:
    """Value of ``controller.kubernetes.io/pod-deletion-cost`` by pod: what ends first has the lowest.

    Only of pods of a ReplicaSet: a LeaderWorkerSet ends its groups in the order of their numbers.
    """
    views = (PodView(pod) for pod in pods)
    return {
        view.name: round(in_flight.get(view.name, 0.0))
        for view in views
        if view.is_ready and INDEX_LABEL not in (view.pod["metadata"].get("labels") or {})
    }


def _label(view: PodView) -> str:
    return str((view.pod["metadata"].get("labels") or {}).get(PLACEMENT_LABEL, ""))


def _is_ending(view: PodView) -> bool:
    return "deletionTimestamp" in view.pod["metadata"]


def _startup(view: PodView) -> float | None:
    if view.container.get("restartCount", 0):
        return None
    created = view.pod["metadata"].get("creationTimestamp")
    since = condition(view.pod, "Ready").get("lastTransitionTime")
    return max(1.0, _seconds(since) - _seconds(created)) if created and since else None


def _seconds(text: str) -> float:
    """RFC 3339 in seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()
