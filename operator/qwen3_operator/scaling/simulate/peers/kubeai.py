"""KubeAI's autoscaler (``internal/modelautoscaler/autoscaler.go``): a long mean of active requests."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_operator.scaling.simulate.peers.metrics import Metrics, Peer
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from qwen3_operator.scaling.simulate.setting import Setting

WINDOW_SECONDS, DOWN_DELAY_SECONDS = 600.0, 30.0
TARGET_REQUESTS = 100.0
"""Of a replica, its default."""


def desired(active: float, target: float) -> int:
    """``ceil(mean / target)``."""
    return math.ceil(active / target - 1e-9)


class KubeAI(Peer):
    """Falls after three lower answers in a row."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._active = deque[float](maxlen=round(WINDOW_SECONDS / PERIOD_SECONDS))
        self._lower = 0

    @override
    def wanted(self, metrics: Metrics) -> float:
        """As the base says."""
        self._active.append(metrics.in_flight * self.setting.slots)
        found = desired(sum(self._active) / len(self._active), TARGET_REQUESTS)
        self._lower = self._lower + 1 if found < metrics.there else 0
        if found >= metrics.there or self._lower >= DOWN_DELAY_SECONDS / PERIOD_SECONDS:
            return found
        return metrics.there
