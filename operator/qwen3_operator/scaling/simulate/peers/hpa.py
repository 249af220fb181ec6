"""Kubernetes' HorizontalPodAutoscaler (``pkg/controller/podautoscaler/replica_calculator.go``) with its defaults.

Sync every 15 s; no change within a tolerance of a tenth; up by 100 % or 4 pods per sync, whichever is more; down to the
highest recommendation of 300 s. KEDA (``pkg/scalers/prometheus_scaler.go``) makes such an autoscaler for 1..N.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_operator.scaling.simulate.peers.metrics import Metrics, Peer, due

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qwen3_operator.scaling.simulate.setting import Setting

SYNC_SECONDS, STABLE_SECONDS, TOLERANCE = 15.0, 300.0, 0.1
KEDA_POLLING_SECONDS = 30.0
TARGET = 0.7
"""Of what a replica holds or does: what people ask for."""
QUEUE_TARGET = 5.0
"""Waiting requests per replica, as llm-d's and GKE's guides begin with."""


def desired(total: float, target: float, replicas: float) -> int:
    """Of a metric with an AverageValue: ``ceil(total / target)``, or what is there within the tolerance."""
    if abs(total / (target * max(replicas, 1e-9)) - 1) <= TOLERANCE:
        return math.ceil(replicas - 1e-9)
    return math.ceil(total / target - 1e-9)


def limited(wanted: float, replicas: float) -> float:
    """Up by 100 % or 4 at most."""
    return min(wanted, max(2 * replicas, replicas + 4))


class HorizontalPodAutoscaler(Peer):
    """Over one or several metrics, the highest answer wins."""

    def __init__(
        self, setting: Setting, metrics: Sequence[tuple[Callable[[Metrics], float], float]], polling: float = 0.0
    ) -> None:
        """Each metric is a total over all replicas, with its target per replica; ``polling``: seconds apart."""
        super().__init__(setting)
        self._metrics = metrics
        self._polling = polling
        self._values: list[float] | None = None
        self._past: list[tuple[float, float]] = []

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        if self._values is None or not self._polling or due(metrics.now, self._polling):
            self._values = [read(metrics) for read, _ in self._metrics]
        if not due(metrics.now, SYNC_SECONDS):
            return metrics.there
        pairs = zip(self._values, (target for _, target in self._metrics), strict=True)
        found = max(desired(value, target, metrics.there) for value, target in pairs)
        self._past = [(at, one) for at, one in self._past if at > metrics.now - STABLE_SECONDS]
        self._past.append((metrics.now, float(found)))
        if found > metrics.there:
            return limited(found, metrics.there)
        return min(metrics.there, max(one for _, one in self._past))


def on_concurrency(setting: Setting) -> HorizontalPodAutoscaler:
    """Requests that run or wait."""
    return HorizontalPodAutoscaler(setting, [(lambda found: found.in_flight, TARGET)])


def on_queue(setting: Setting) -> HorizontalPodAutoscaler:
    """Requests that wait."""
    return HorizontalPodAutoscaler(setting, [(lambda found: found.queued * setting.slots, QUEUE_TARGET)])


def on_work(setting: Setting) -> HorizontalPodAutoscaler:
    """Token work at arrival and what waits."""
    return HorizontalPodAutoscaler(setting, [(lambda found: found.work + found.queued_work / SYNC_SECONDS, TARGET)])


def on_utilization(setting: Setting) -> HorizontalPodAutoscaler:
    """Busy replicas, as of GPUs: never above those that are ready."""
    return HorizontalPodAutoscaler(setting, [(lambda found: found.busy * found.ready, TARGET)])


def keda(setting: Setting) -> HorizontalPodAutoscaler:
    """Two Prometheus triggers, waiting requests and KV cache in use, read every 30 s."""
    queue = (lambda found: found.queued * setting.slots, QUEUE_TARGET)
    cache = (lambda found: found.busy * found.ready, TARGET)
    return HorizontalPodAutoscaler(setting, [queue, cache], KEDA_POLLING_SECONDS)
