"""llm-d's workload variant autoscaler: saturation (V1) and tokens (V2), as in its ``internal/engines`` and docs."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_operator.scaling.simulate.peers.metrics import Metrics, Peer, due

if TYPE_CHECKING:
    from qwen3_operator.scaling.simulate.setting import Setting

V1_SECONDS, V2_SECONDS = 60.0, 30.0
KV_SATURATED, QUEUE_SATURATED, KV_SPARE, QUEUE_SPARE = 0.80, 5.0, 0.10, 3.0
UP_UTILISATION, DOWN_UTILISATION = 0.85, 0.70
STABLE_SECONDS = 240.0
"""Of the autoscaler behind it, downwards. Its docs have the same upwards, which is left out, in its favour."""


def saturation(cache: float, queue: float, replicas: float) -> int:
    """V1, replicas to add: +1 where too little is spare, -1 where enough is after one has gone.

    Args:
        cache: share of the KV cache in use, per replica.
        queue: requests that wait, per replica.
        replicas: all alike, so that they are saturated together.
    """
    if cache >= KV_SATURATED or queue >= QUEUE_SATURATED:
        return 1
    if KV_SATURATED - cache < KV_SPARE or QUEUE_SATURATED - queue < QUEUE_SPARE:
        return 1
    if replicas < 2:  # noqa: PLR2004 - it wants two that are not saturated
        return 0
    more = replicas / (replicas - 1)
    enough = KV_SATURATED - cache * more >= KV_SPARE and QUEUE_SATURATED - queue * more >= QUEUE_SPARE
    return -1 if enough else 0


def tokens(demand: float, supply: float, anticipated: float) -> float:
    """V2, capacity to add: what is required beyond the supply that comes, or what is spare of the one that is there."""
    required = demand / UP_UTILISATION - anticipated
    if required > 0:
        return required
    return -max(0.0, supply - demand / DOWN_UTILISATION)


class Saturation(Peer):
    """V1: one at a time, and nothing while anything is under way."""

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        if metrics.pending or not due(metrics.now, V1_SECONDS):
            return metrics.there
        waiting = metrics.queued * self.setting.slots / max(metrics.ready, 1e-9)
        return metrics.there + saturation(metrics.busy, waiting, metrics.ready)


class Tokens(Peer):
    """V2, with the capacity of a replica at its targets for the compute bound."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._past = deque[float](maxlen=round(STABLE_SECONDS / V2_SECONDS))

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        if not due(metrics.now, V2_SECONDS):
            return metrics.there
        demand = min(metrics.work, metrics.ready) + metrics.queued_work / V2_SECONDS
        change = tokens(demand, metrics.ready, metrics.there)
        found = metrics.there + (math.ceil(change - 1e-9) if change > 0 else -math.floor(-change + 1e-9))
        self._past.append(found)
        return found if change > 0 else min(metrics.there, max(self._past))
