"""What any policy could do at best that knows the future: the yardstick of all others.

A schedule of whole replicas with the same start-up, which is paid for. Gaps shorter than a restart are kept warm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qwen3_operator.scaling.queue import Waiting
from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS
from qwen3_operator.scaling.types import QueueOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.simulate.setting import Setting

MISSES = 0.01
"""Share of the requests that the second schedule may miss."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Replica-hours of the unit."""

    clairvoyant: float
    """No request misses its target."""
    clairvoyant99: float
    """One in a hundred may, with the queue in deadline order."""
    work: float
    """Replicas that are busy all the time: no schedule can cost less."""
    missed: float
    """Requests that miss their target when the first schedule is run, in the setting's order of the queue."""


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
    startup = setting.unit.startup_seconds
    stays = _stays(_needed(work, setting.wait, setting.fewest, setting.policy.queue), startup)
    kept = _spared(setting, work, stays)
    return Bound(
        clairvoyant=sum(stay.hours(startup) for stay in stays),
        clairvoyant99=sum(stay.hours(startup) for stay in kept),
        work=float(work.sum()) / 3600,
        missed=_missed(setting, work, stays, setting.policy.queue),
    )


def _needed(work: Numbers, wait: float, fewest: Numbers, order: QueueOrder) -> Numbers:
    """The fewest replicas in each step with which nobody waits for longer.

    In order of arrival those that come first in a step wait for all that is there: it must not be too much either.
    """
    first = 1 / wait if order is QueueOrder.FIFO else 0.0
    needed, waiting = [], 0.0
    for arrived, least in zip(work.tolist(), fewest.tolist(), strict=True):
        asked = waiting + arrived
        count = max(least, math.ceil(max(asked / (STEP_SECONDS + wait), waiting * first) - 1e-9))
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
    """Stays without those that do least for what they cost, as long as few enough requests miss.

    Those that the fewest replicas ask for at some time stay whole.
    """
    startup = setting.unit.startup_seconds
    fixed = [stay for stay in stays if stay.level <= setting.fewest[stay.begin : stay.end].max()]
    worth = sorted(
        (stay for stay in stays if stay.level > setting.fewest[stay.begin : stay.end].max()),
        key=lambda stay: _carried(work, stay, setting.wait) / stay.hours(startup),
    )
    allowed = MISSES * float(setting.arrivals.requests.sum())
    low, high = 0, len(worth)
    while low < high:
        middle = (low + high + 1) // 2
        if _missed(setting, work, [*fixed, *worth[middle:]], QueueOrder.DEADLINE, most=allowed) <= allowed:
            low = middle
        else:
            high = middle - 1
    return [*fixed, *worth[low:]]


def _carried(work: Numbers, stay: _Stay, wait: float) -> float:
    """Work that only this level can do, roughly."""
    load = work[stay.begin : stay.end] / (STEP_SECONDS + wait / 2)
    return float(np.clip(load - (stay.level - 1), 0, 1).sum())


def _missed(
    setting: Setting, work: Numbers, stays: Sequence[_Stay], order: QueueOrder, *, most: float = math.inf
) -> float:
    """Requests that miss their target; counted no further where they are more than ``most``."""
    change = np.zeros(len(work) + 1)
    for stay in stays:
        change[stay.begin] += 1
        change[stay.end] -= 1
    replicas = np.maximum(1.0, change.cumsum()[:-1])
    crowded = np.flatnonzero(work > replicas * STEP_SECONDS).tolist()
    ready, works, requests, steps = replicas.tolist(), work.tolist(), setting.arrivals.requests.tolist(), len(work)
    missed, step = 0.0, 0
    for begin in crowded:
        if begin < step:
            continue
        if missed > most:
            break
        queue, step = Waiting(0.0, 0.0), begin
        while step == begin or (queue.on_time and step < steps):  # late ones yield: they make nobody late
            queue, share = queue.after(works[step], ready[step], STEP_SECONDS, setting.wait, order=order)
            missed += share * requests[step]
            step += 1
    return missed
