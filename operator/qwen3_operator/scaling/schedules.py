"""Bounds of a deployment at a moment: those of ``spec.scaling``, or of the schedules in force. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.scaling.cron import cron_problem, following, last, same, zone_problem
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qwen3_operator.api.scaling import Scaling
    from qwen3_operator.api.schedule import Schedule
    from qwen3_operator.scaling.types import Capacity


@dataclass(frozen=True, slots=True)
class Bounds:
    """How few and how many replicas, at one moment."""

    min_replicas: int
    """0: the deployment may sleep."""
    max_replicas: int
    schedules: tuple[str, ...] = ()
    """Names of those in force."""
    beginning: tuple[str, ...] = ()
    """Names of those that come next, whose fewest replicas are begun now."""
    until: float | None = None
    """Seconds since the epoch when a schedule next begins or ends."""

    @property
    def awake(self) -> int:
        """Fewest replicas of a deployment that does not sleep."""
        return max(1, self.min_replicas)


def ahead_of(capacities: Sequence[Capacity]) -> float:
    """Seconds beforehand that the fewest are begun: the longest start-up, and the time between two looks."""
    return max(one.startup_seconds for one in capacities) + PERIOD_SECONDS


def bounds(scaling: Scaling, now: float, ahead: float) -> Bounds:
    """What holds at ``now``, and beforehand the fewest replicas of what follows.

    A schedule with a problem is left out.

    Args:
        scaling: The spec's bounds and schedules.
        now: Seconds since the epoch.
        ahead: Seconds that a start-up takes: replicas that are wanted after it are begun now.
    """
    schedules = [one for one in scaling.schedules if not _problem(one)]
    if not schedules:
        return Bounds(scaling.min_replicas, scaling.max_replicas or 1)
    moments = sorted({now, *(edge for one in schedules for edge in _edges(one, now, now + ahead))})
    in_force = [[one for one in schedules if _is_active(one, moment)] for moment in moments]
    (fewest, most), *later = (_range(scaling, active) for active in in_force)
    begun = max([fewest, *(low for low, _ in later)])
    edges = [edge for one in schedules if (edge := _edge(one, now)) is not None]
    coming = (one.name for active in in_force[1:] for one in active if begun > fewest and one not in in_force[0])
    return Bounds(
        min_replicas=begun,
        max_replicas=max(most, begun),
        schedules=tuple(one.name for one in in_force[0]),
        beginning=tuple(dict.fromkeys(coming)),
        until=min(edges, default=None),
    )


def problems(schedules: Sequence[Schedule]) -> tuple[str, ...]:
    """One sentence for each schedule that cannot be followed: field, value, and what would be right."""
    return tuple(problem for one in schedules if (problem := _problem(one)))


def _problem(schedule: Schedule) -> str:
    path = f"spec.scaling.schedules[{schedule.name}]"
    if wrong := zone_problem(schedule.time_zone):
        return f"{path}.timeZone is {schedule.time_zone}: {wrong}"
    for field in ("start", "end"):
        value = getattr(schedule, field)
        if wrong := cron_problem(value):
            return f"{path}.{field} is {value}: {wrong}"
    if same(schedule.start, schedule.end):
        return f"{path}.end is {schedule.end}: it must not be the same as start, {schedule.start}"
    return ""


def _range(scaling: Scaling, active: Sequence[Schedule]) -> tuple[int, int]:
    """The largest of what the schedules set; the spec's where they set nothing. The fewest win over the most."""
    low = max((one.min_replicas for one in active if one.min_replicas is not None), default=scaling.min_replicas)
    most = scaling.max_replicas or 1
    high = max((one.max_replicas for one in active if one.max_replicas is not None), default=most)
    return low, max(low, high)


def _is_active(schedule: Schedule, at: float) -> bool:
    """Whether it began and has not ended since; a start at the moment of an end begins anew."""
    started = last(schedule.start, schedule.time_zone, at)
    ended = last(schedule.end, schedule.time_zone, at)
    return started is not None and (ended is None or started >= ended)


def _edge(schedule: Schedule, at: float) -> float | None:
    """When it next ends, or begins."""
    expression = schedule.end if _is_active(schedule, at) else schedule.start
    return following(expression, schedule.time_zone, at)


def _edges(schedule: Schedule, after: float, until: float) -> Iterator[float]:
    """Its starts and ends after a moment, up to another."""
    edge = _edge(schedule, after)
    while edge is not None and edge <= until:
        yield edge
        edge = _edge(schedule, edge)
