"""AIBrix's two autoscalers (``pkg/controller/podautoscaler/algorithm``), with its windows and cooldown.

Its KPA stores the average over pods where its formula wants a total, so that a metric per pod gives the same answer for
any fleet; here it gets totals, for which it is right. Pending pods hold a rise, as upstream has it by now.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_operator.scaling.simulate.peers.metrics import Metrics, Peer
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from qwen3_operator.scaling.simulate.setting import Setting

STABLE_SECONDS, PANIC_SECONDS, COOLDOWN_SECONDS = 180.0, 60.0, 300.0
UP_TOLERANCE, DOWN_TOLERANCE, UP_RATE, DOWN_RATE = 0.1, 0.1, 2.0, 2.0
PANIC_THRESHOLD = 2.0
KV_TARGET = 0.5
"""Share of the KV cache in use, of its examples."""
TARGET = 0.7


def apa(average: float, target: float, replicas: float) -> int:
    """Replicas by an average per pod: nothing within the tolerance, at most twice, at least half."""
    ratio = average / target
    if ratio > 1 + UP_TOLERANCE:
        return min(math.ceil(replicas * ratio - 1e-9), math.ceil(UP_RATE * replicas - 1e-9))
    if ratio < 1 - DOWN_TOLERANCE:
        return max(math.ceil(replicas * ratio - 1e-9), math.floor(replicas / DOWN_RATE))
    return math.ceil(replicas - 1e-9)


def kpa(stable: float, panic: float, target: float, ready: float) -> int:
    """Replicas by totals of two windows; the short one counts where it is twice the long one, or that is 0."""
    value = panic if stable <= 0 or panic / stable > PANIC_THRESHOLD else stable
    low, high = math.floor(ready / DOWN_RATE), math.ceil(UP_RATE * max(1.0, ready))
    return min(max(math.ceil(value / target - 1e-9), low), high)


class _Cooled(Peer):
    """Falls only when nothing higher was wanted for the cooldown."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._wanted = deque[float](maxlen=round(COOLDOWN_SECONDS / PERIOD_SECONDS))
        self._values = deque[float](maxlen=round(STABLE_SECONDS / PERIOD_SECONDS))

    def mean(self, seconds: float) -> float:
        """Of the last values."""
        values = list(self._values)[-round(seconds / PERIOD_SECONDS) :]
        return sum(values) / len(values)

    def cooled(self, found: float, metrics: Metrics) -> float:
        """What may be done of it."""
        self._wanted.append(found)
        if found > metrics.there:
            return metrics.there if metrics.pending else found
        return min(metrics.there, max(self._wanted))


class Apa(_Cooled):
    """On the KV cache in use."""

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        self._values.append(metrics.busy)
        return self.cooled(apa(self.mean(STABLE_SECONDS), KV_TARGET, metrics.there), metrics)


class Kpa(_Cooled):
    """On requests that run or wait."""

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        self._values.append(metrics.in_flight)
        found = kpa(self.mean(STABLE_SECONDS), self.mean(PANIC_SECONDS), TARGET, metrics.ready)
        return self.cooled(found, metrics)
