"""NVIDIA Dynamo's planner (``components/planner``, 1.x): throughput, and load on top of it as the floor.

Its predictor is 'constant': on this kind of traffic nothing predicts ten minutes better than the last value.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_operator.scaling.simulate.peers.metrics import Metrics, Peer, due
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from qwen3_operator.scaling.simulate.setting import Setting

THROUGHPUT_SECONDS, MOST_CHANGE, CONSOLIDATED = 180.0, 8, 0.8


def throughput(demand: float, per_engine: float, replicas: float) -> int:
    """``ceil(demand / what an engine does at the targets)``, by 8 at most."""
    found = math.ceil(demand / per_engine - 1e-9)
    return int(min(max(found, replicas - MOST_CHANGE), replicas + MOST_CHANGE))


def load(latency: float, replicas: float) -> int:
    """+1 where all are above the target, -1 where the rest would stay under 80 % of it; ``latency`` over its target."""
    if latency > 1:
        return 1
    if replicas > 1 and latency * replicas / (replicas - 1) < CONSOLIDATED:
        return -1
    return 0


class Throughput(Peer):
    """Every 180 s, by the mean of that time; requests of mean length."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._demand = deque[float](maxlen=round(THROUGHPUT_SECONDS / PERIOD_SECONDS))
        self.floor = 0.0

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        self._demand.append(metrics.work)
        if due(metrics.now, THROUGHPUT_SECONDS):
            self.floor = throughput(sum(self._demand) / len(self._demand), 1.0, metrics.there)
            return self.floor
        return metrics.there


class Hybrid(Throughput):
    """Load mode above the floor, nothing while it scales. Every 10 s here, every 5 s there."""

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        throughput_wants = super().wanted(metrics)
        if metrics.pending:
            return max(metrics.there, self.floor)
        target = self.setting.policy.time_to_first_token or self.setting.wait
        latency = max(metrics.first_token / target, metrics.busy)
        return max(
            self.floor,
            throughput_wants if throughput_wants > metrics.there else metrics.there + load(latency, metrics.there),
        )
