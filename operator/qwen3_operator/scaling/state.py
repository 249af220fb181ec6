"""What one decision leaves to the next, and its form in JSON: it survives a restart of whoever decides."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qwen3_operator.scaling.experience import Experience
from qwen3_operator.scaling.levels import MEANS, Levels
from qwen3_operator.scaling.queue import Queue
from qwen3_operator.scaling.shadows import Shadows, Shaped, Span
from qwen3_operator.scaling.types import Counters, QueueOrder

if TYPE_CHECKING:
    from collections.abc import Sequence


class State(NamedTuple):
    """A deployment begins with ``State()``. Never changed, only replaced."""

    unit: tuple[float, float] | None = None
    """Input and output tokens per second of the replica in which work is told: of the first placement ever seen."""
    at: float | None = None
    """When the counters were read."""
    counters: Counters | None = None
    """None after a moment without data: a difference across it would be no rate."""
    unscraped: int = 0
    levels: Levels = Levels()
    shadows: Shadows | None = None
    experience: Experience = Experience()
    wanted: tuple[float, ...] = ()
    """At past decisions for as long as a start-up takes, the newest first: a fleet goes down to the highest."""

    def to_json(self) -> dict[str, Any]:
        """Dictionaries, lists and numbers; some 60 kB with a start-up of 180 s."""
        levels = self.levels._asdict() | {"held": self.levels.held.tolist()}
        shadows = None
        if self.shadows is not None:
            arrays = ("totals", "wanted", "missed", "recently_missed", "cost")
            shadows = {name: getattr(self.shadows, name).tolist() for name in arrays}
            shadows["queue"] = [column.tolist() for column in self.shadows.queue]
            shadows["ahead"] = [list(span) for span in self.shadows.ahead]
        return {
            "unit": list(self.unit) if self.unit else None,
            "at": self.at,
            "counters": asdict(self.counters) if self.counters else None,
            "unscraped": self.unscraped,
            "levels": levels,
            "shadows": shadows,
            "experience": self.experience._asdict(),
            "wanted": list(self.wanted),
        }

    @staticmethod
    def from_json(value: dict[str, Any]) -> State:
        """What ``to_json`` gave.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        levels, shadows, experience = value["levels"], value["shadows"], value["experience"]
        held = np.array(levels["held"], dtype=float).reshape(-1, len(MEANS))
        choice = {name: tuple(experience[name]) for name in ("chosen", "weights")}
        return State(
            unit=(float(value["unit"][0]), float(value["unit"][1])) if value["unit"] else None,
            at=value["at"],
            counters=Counters(**value["counters"]) if value["counters"] else None,
            unscraped=value["unscraped"],
            levels=Levels(**(levels | {"held": held})),
            shadows=_shadows(shadows) if shadows else None,
            experience=Experience(**(experience | choice)),
            wanted=tuple(value["wanted"]),
        )


def _shadows(value: dict[str, Any]) -> Shadows:
    several = ("queue", "ahead")
    arrays = {name: np.array(column, dtype=float) for name, column in value.items() if name not in several}
    on_time, late = (np.array(column, dtype=float) for column in value["queue"])
    return Shadows(queue=Queue(on_time, late), ahead=tuple(map(_span, value["ahead"])), **arrays)


def _span(value: Sequence[Any]) -> Span:
    work, requests, wait, (level, unit), startup, order = value
    return Span(work, requests, wait, Shaped(tuple(level), tuple(unit)), startup, QueueOrder(order))
