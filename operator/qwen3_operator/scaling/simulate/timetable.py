"""Bounds over the time of a trace, by the function that the operator asks at every look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.scaling.schedules import bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_operator.api.scaling import Scaling
    from qwen3_operator.scaling.schedules import Bounds


@dataclass(frozen=True)
class Timetable:
    """Schedules, and when they meet the trace."""

    scaling: Scaling
    """The spec's bounds and schedules."""
    begin: float
    """Seconds since the epoch at the first moment of the trace."""

    def along(self, moments: Iterable[float], ahead: float) -> list[Bounds]:
        """What holds at each moment.

        Args:
            moments: seconds of the trace, rising.
            ahead: seconds that the fewest are begun beforehand.
        """
        found: list[Bounds] = []
        fresh_until = -math.inf
        for moment in moments:
            now = self.begin + moment
            if now < fresh_until:
                found.append(found[-1])
                continue
            found.append(bounds(self.scaling, now, ahead))
            # Nothing changes before a schedule begins or ends, now or as far ahead as is looked.
            later = bounds(self.scaling, now + ahead, 0.0)
            fresh_until = min(_until(found[-1]), _until(later) - ahead)
        return found


def _until(within: Bounds) -> float:
    return math.inf if within.until is None else within.until
