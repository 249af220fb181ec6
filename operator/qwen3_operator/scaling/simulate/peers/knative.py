"""Knative's pod autoscaler (``pkg/autoscaler/scaling/autoscaler.go``, defaults of ``config-autoscaler``)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_operator.scaling.simulate.peers.metrics import Metrics, Peer
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from qwen3_operator.scaling.simulate.setting import Setting

STABLE_SECONDS = 60.0
PANIC_THRESHOLD, UP_RATE, DOWN_RATE = 2.0, 1000.0, 2.0
TARGET = 0.7
"""Of a container's concurrency. The panic window, 6 s, is one decision here; the loop runs every 2 s there."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Since when, and the most replicas since then."""

    until: float
    most: float


def desired(stable: float, panic: float, ready: float, target: float) -> tuple[float, float]:
    """Replicas by the averages of the two windows, within the rates."""
    low, high = math.floor(ready / DOWN_RATE), math.ceil(UP_RATE * max(1.0, ready))
    counts = (math.ceil(value / target - 1e-9) for value in (stable, panic))
    by_stable, by_panic = (float(min(max(count, low), high)) for count in counts)
    return by_stable, by_panic


def is_panic(panic: float, ready: float, target: float) -> bool:
    """Whether the short window asks for twice what is ready."""
    return math.ceil(panic / target - 1e-9) / max(1.0, ready) >= PANIC_THRESHOLD


class Knative(Peer):
    """On requests that run or wait."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._window = deque[float](maxlen=round(STABLE_SECONDS / PERIOD_SECONDS))
        self._panic: Panic | None = None

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        self._window.append(metrics.in_flight)
        stable = sum(self._window) / len(self._window)
        by_stable, by_panic = desired(stable, metrics.in_flight, metrics.ready, TARGET)
        if is_panic(metrics.in_flight, metrics.ready, TARGET):
            most = max(by_panic, self._panic.most if self._panic else metrics.there)
            self._panic = Panic(metrics.now + STABLE_SECONDS, most)
        elif self._panic and metrics.now > self._panic.until:
            self._panic = None
        if self._panic is None:
            return by_stable
        self._panic = Panic(self._panic.until, max(self._panic.most, by_panic, by_stable))
        return self._panic.most
