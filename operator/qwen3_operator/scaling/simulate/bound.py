"""What any policy could do at best that knows the future: the yardstick of all others.

A schedule of whole replicas with the same start-up, which is paid for. Gaps shorter than a restart are kept warm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS
from qwen3_operator.scaling.simulate.fleet import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.simulate.fleet import Setting

MISSES = 0.01
"""Share of the requests that the second schedule may miss."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Replica-hours of the unit."""

    clairvoyant: float
    """No request misses its target."""
    clairvoyant99: float
    """One in a hundred may."""
    work: float
    """Replicas that are busy all the time: no schedule can cost less."""


class _Stay(NamedTuple):
    """One replica from its first step to its last."""

    level: int
    begin: int
    end: int

    def hours(self, startup: float) -> float:
        paid = startup if self.begin else 0.0
        return ((self.end - self.begin) * STEP_SECONDS + paid) / 3600


def bound(setting: Setting) -> Bound:
    """The schedules of both kinds, and the work itself."""
    work = setting.arrivals.work(setting.unit)
    startup, fewest = setting.unit.startup_seconds, setting.policy.min_replicas
    stays = _stays(_needed(work, setting.wait, fewest), startup)
    kept = _spared(setting, work, stays)
    return Bound(
        clairvoyant=sum(stay.hours(startup) for stay in stays),
        clairvoyant99=sum(stay.hours(startup) for stay in kept),
        work=float(work.sum()) / 3600,
    )


def _needed(work: Numbers, wait: float, fewest: int) -> Numbers:
    """The fewest replicas in each step with which nobody waits for longer."""
    needed, waiting = [], 0.0
    for arrived in work.tolist():
        asked = waiting + arrived
        count = max(fewest, math.ceil(asked / (STEP_SECONDS + wait) - 1e-9))
        needed.append(count)
        waiting = max(0.0, asked - STEP_SECONDS * count)
    return np.array(needed, dtype=float)


def _stays(needed: Numbers, startup: float) -> list[_Stay]:
    """Each level of the fleet as stays; a gap that is shorter than a start-up is cheaper to stay through."""
    found: list[_Stay] = []
    for level in range(1, int(needed.max()) + 1):
        steps = np.flatnonzero(needed >= level)
        cuts = np.flatnonzero(np.diff(steps) > startup / STEP_SECONDS + 1)
        begins, ends = np.r_[steps[0], steps[cuts + 1]], np.r_[steps[cuts], steps[-1]] + 1
        found += [_Stay(level, int(begin), int(end)) for begin, end in zip(begins, ends, strict=True)]
    return found


def _spared(setting: Setting, work: Numbers, stays: Sequence[_Stay]) -> list[_Stay]:
    """Stays without those that do least for what they cost, as long as few enough requests miss."""
    startup, fewest = setting.unit.startup_seconds, setting.policy.min_replicas
    fixed = [stay for stay in stays if stay.level <= fewest]
    worth = sorted(
        (stay for stay in stays if stay.level > fewest),
        key=lambda stay: _carried(work, stay, setting.wait) / stay.hours(startup),
    )
    allowed = MISSES * float(setting.arrivals.requests.sum())
    low, high = 0, len(worth)
    while low < high:
        middle = (low + high + 1) // 2
        if _missed(setting, work, [*fixed, *worth[middle:]]) <= allowed:
            low = middle
        else:
            high = middle - 1
    return [*fixed, *worth[low:]]


def _carried(work: Numbers, stay: _Stay, wait: float) -> float:
    """Work that only this level can do, roughly."""
    load = work[stay.begin : stay.end] / (STEP_SECONDS + wait / 2)
    return float(np.clip(load - (stay.level - 1), 0, 1).sum())


def _missed(setting: Setting, work: Numbers, stays: Sequence[_Stay]) -> float:
    change = np.zeros(len(work) + 1)
    for stay in stays:
        change[stay.begin] += 1
        change[stay.end] -= 1
    replicas = change.cumsum().tolist()
    queue, missed, requests = Waiting(0.0, 0.0), 0.0, setting.arrivals.requests.tolist()
    for step, arrived in enumerate(work.tolist()):
        queue, share = queue.after(arrived, replicas[step], setting.wait)
        missed += share * requests[step]
    return missed
