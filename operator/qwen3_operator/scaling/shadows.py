"""Shadow fleets: each candidate headroom lives through the real arrivals, so that its misses and its cost are known.

Arrivals do not depend on what is decided. So a fluid copy of the deployment, with the measured start-up time, whole
replicas and the real order of the queue, tells what a candidate would have missed and cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qwen3_operator.scaling.levels import LONGEST_HOLD, Levels
from qwen3_operator.scaling.queue import Numbers, Queue, serve
from qwen3_operator.scaling.types import PERIOD_SECONDS, QueueOrder

MEMORY_HOURS, RECENT_HOURS = 48.0, 0.5
"""Half-lives of what is remembered."""
DRAIN_SECONDS = 60.0
"""In which a backlog is to be gone."""
REST, REST_SHARE = 0.25, 0.05
"""What must be left over for a fleet to go down: parts of a replica, and of the fleet. Without it, it would flip at
every rounding."""


def kept(hours: float) -> float:
    """Share of a sum with this half-life that is left at the next decision."""
    return float(0.5 ** (PERIOD_SECONDS / 3600 / hours))


_MEMORY, _RECENT = kept(MEMORY_HOURS), kept(RECENT_HOURS)
_FACTORS = np.concatenate((np.geomspace(0.8, 2.8, 22), np.geomspace(2.8, 12.0, 9)[1:])) - 1
_DEVIATIONS = np.concatenate((np.linspace(-1.5, 7.0, 22), np.geomspace(7.0, 30.0, 9)[1:]))
STEPS = np.array([_FACTORS, _DEVIATIONS, _FACTORS])
"""Candidate headrooms of the three shapes, in rising order: [shapes, candidates].

The first and the last shape add parts of the level, the middle one adds standard deviations.
"""
_HOLD = 6
"""Decisions for which the shortest shape holds its level."""
_SHORTEST_HOLD = 18
"""Decisions: three minutes, also where a start-up takes less. It costs 1 % and halves the changes of direction."""


Shaped = tuple[Numbers, Numbers]
"""Level and unit of headroom of each shape."""


def shapes(levels: Levels, startup: int) -> Shaped:
    """Level and unit of headroom of each shape: nimble, held for a start-up, and held for an hour."""
    highest = (levels.highest(0, _HOLD), levels.highest(1, max(_HOLD, startup)), levels.highest(2, LONGEST_HOLD))
    return np.array(highest), np.array([highest[0], levels.spread, highest[2]])


def resized(replicas: Numbers, wanted: Numbers, kept: Numbers) -> Numbers:
    """Whole replicas after a decision: up at once, down to the highest of a start-up and some rest, at least one."""
    up, down = np.ceil(wanted - 1e-9), np.ceil(kept + REST + REST_SHARE * replicas - 1e-9)
    return np.maximum(1.0, np.where(up > replicas, up, np.minimum(down, replicas)))


def hold(startup: int) -> int:
    """Decisions whose highest wish is kept: to stop a pod and start it again costs a start-up."""
    return max(_SHORTEST_HOLD, startup)


@dataclass(frozen=True)
class Shadows:
    """One column per candidate, shape after shape."""

    totals: Numbers
    """Replicas that each candidate asked for at past decisions, the newest first: [start-up + 1, candidates]. A pod is
    ready when its place was asked for throughout a start-up, since the newest pending pods are cancelled first: so the
    lowest of these are ready."""
    wanted: Numbers
    """What each candidate wanted at past decisions, the newest first: [start-up, candidates]."""
    queue: Queue
    missed: Numbers
    """Requests that would have missed their target, older ones fading with MEMORY_HOURS."""
    recently_missed: Numbers
    """The same, with RECENT_HOURS."""
    cost: Numbers
    """Replica-seconds, pending pods included, fading with MEMORY_HOURS."""

    @staticmethod
    def of(replicas: int) -> Shadows:
        """All begin with the fleet that is there."""
        nothing = np.zeros(STEPS.size)
        begin = np.full((1, STEPS.size), max(1.0, replicas))
        return Shadows(begin, begin, Queue(nothing, nothing), nothing, nothing, nothing)

    def after(
        self, work: float, requests: float, wait: float, shaped: Shaped, startup: int, *, order: QueueOrder
    ) -> Shadows:
        """One decision later.

        Args:
            work: that arrived, in replicas.
            requests: that arrived.
            wait: seconds that a request may wait.
            shaped: levels and units after the arrivals.
            startup: decisions that a start-up takes.
            order: of the queue.
        """
        ready = self.totals.min(axis=0)
        queue, share = serve(self.queue, work * PERIOD_SECONDS, ready, PERIOD_SECONDS, wait, order=order)
        level, unit = shaped
        wanted = (level[:, None] + STEPS * unit[:, None]).ravel() + (queue.on_time + queue.late) / DRAIN_SECONDS
        past = np.concatenate((wanted[None], self.wanted[: hold(startup) - 1]))
        target = resized(self.totals[0], wanted, past.max(axis=0))
        return Shadows(
            np.concatenate((target[None], _of_length(self.totals, startup))),
            past,
            queue,
            self.missed * _MEMORY + share * requests,
            self.recently_missed * _RECENT + share * requests,
            self.cost * _MEMORY + self.totals[0] * PERIOD_SECONDS,
        )


def _of_length(totals: Numbers, rows: int) -> Numbers:
    """As many past decisions; the oldest is repeated where a start-up takes longer than it was believed to."""
    missing = rows - len(totals)
    return totals[:rows] if missing <= 0 else np.concatenate((totals, np.repeat(totals[-1:], missing, axis=0)))
