"""Shadow fleets: each candidate headroom lives through the real arrivals, so that its misses and its cost are known.

Arrivals do not depend on what is decided. So a fluid copy of the deployment, with the measured start-up time, whole
replicas and the real order of the queue, tells what a candidate would have missed and cost.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qwen3_operator.scaling.levels import LONGEST_HOLD, Levels
from qwen3_operator.scaling.queue import Numbers, Queue, serve
from qwen3_operator.scaling.types import PERIOD_SECONDS, QueueOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

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


_FACTORS = np.concatenate((np.geomspace(0.8, 2.8, 22), np.geomspace(2.8, 12.0, 9)[1:])) - 1
_DEVIATIONS = np.concatenate((np.linspace(-1.5, 7.0, 22), np.geomspace(7.0, 30.0, 9)[1:]))
STEPS = np.array([_FACTORS, _DEVIATIONS, _FACTORS])
"""Candidate headrooms of the three shapes, in rising order: [shapes, candidates].

The first and the last shape add parts of the level, the middle one adds standard deviations.
"""
_LINES = np.concatenate(
    [np.repeat(np.eye(len(STEPS)), STEPS.shape[1], axis=1) * factor for factor in (1.0, STEPS.ravel())]
)
"""What levels and units of the shapes make of each candidate: [levels and units, candidates]."""
AT_ONCE = 10
"""Decisions that the shadows live through together, which takes half the time: their numbers are needed for a choice
only. Not more, since a thousand deployments may do it in the same round."""
_HOLD = 6
"""Decisions for which the shortest shape holds its level."""
_SHORTEST_HOLD = 18
"""Decisions: three minutes, also where a start-up takes less. For a start-up of one minute it costs up to 5 % and
halves the changes of direction."""


class Shaped(NamedTuple):
    """One number per shape, in replicas."""

    level: tuple[float, ...]
    unit: tuple[float, ...]
    """Of headroom."""


def shapes(levels: Levels, startup: int) -> Shaped:
    """Level and unit of headroom of each shape: nimble, held for a start-up, and held for an hour."""
    highest = (levels.highest(0, _HOLD), levels.highest(1, max(_HOLD, startup)), levels.highest(2, LONGEST_HOLD))
    return Shaped(highest, (highest[0], levels.spread, highest[2]))


def resized(replicas: Numbers, wanted: Numbers, kept: Numbers) -> Numbers:
    """Whole replicas after a decision: up at once, down to the highest of a start-up and some rest, at least one.

    ``kept`` is nowhere below ``wanted``.
    """
    down = np.ceil(kept + _REST + _REST_SHARE * replicas)
    return np.maximum(_ONE, np.maximum(np.ceil(wanted - _CLOSE), np.minimum(down, replicas)))


def hold(startup: int) -> int:
    """Decisions whose highest wish is kept: to stop a pod and start it again costs a start-up."""
    return max(_SHORTEST_HOLD, startup)


class Span(NamedTuple):
    """What the shadows of one decision live through."""

    work: float
    """That arrived, in replicas."""
    requests: float
    """That arrived."""
    wait: float
    """Seconds that a request may wait."""
    shaped: Shaped
    """Levels and units after the arrivals."""
    startup: int
    """Decisions that a start-up takes."""
    order: QueueOrder
    """Of the queue."""


class Shadows(NamedTuple):
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
    ahead: tuple[Span, ...] = ()
    """Not lived through yet, the oldest first: several at once take half the time."""

    @staticmethod
    def of(replicas: int) -> Shadows:
        """All begin with the fleet that is there."""
        nothing = np.zeros(STEPS.size)
        begin = np.full((1, STEPS.size), max(1.0, replicas))
        return Shadows(begin, begin, Queue(nothing, nothing), nothing, nothing, nothing)

    def after(self, span: Span) -> Shadows:
        """One decision later."""
        ahead = (*self.ahead, span)
        later = Shadows(self.totals, self.wanted, self.queue, self.missed, self.recently_missed, self.cost, ahead)
        return later if len(ahead) < AT_ONCE else later.now()

    def now(self) -> Shadows:
        """With all lived through."""
        found = self
        for startup, spans in groupby(self.ahead, attrgetter("startup")):
            found = found._lived(list(spans), startup)
        return found

    def _lived(self, spans: Sequence[Span], startup: int) -> Shadows:
        """After decisions with the same start-up; the rows of the newest are on top."""
        many, held = len(spans), hold(startup)
        totals, past = _room(many, _as_long(self.totals, startup)), _room(many, self.wanted)
        steady = np.dot([(*span.shaped.level, *span.shaped.unit) for span in spans], _LINES)
        shares = np.empty((many, STEPS.size))
        ready, queue = np.minimum.reduce(self.totals), self.queue
        for number, span in enumerate(spans):
            top = many - 1 - number
            work, replicas = span.work * PERIOD_SECONDS, totals[top + 1]
            queue, shares[number] = serve(queue, work, ready, _PERIOD, _number(span.wait), order=span.order)
            wanted = steady[number] + (queue.on_time + queue.late) / _DRAIN
            past[top] = wanted
            totals[top] = resized(replicas, wanted, np.maximum.reduce(past[top : top + held]))
            ready = np.minimum.reduce(totals[top : top + startup + 1])
        requests, begun = [span.requests for span in spans], totals[many:0:-1] * PERIOD_SECONDS
        return Shadows(
            totals[: startup + 1].copy(),
            past[:held].copy(),
            queue,
            _faded(self.missed, MEMORY_HOURS, requests, shares),
            _faded(self.recently_missed, RECENT_HOURS, requests, shares),
            _faded(self.cost, MEMORY_HOURS, np.ones(many), begun),
        )


def _room(rows: int, past: Numbers) -> Numbers:
    """So many rows on top of the past ones."""
    return np.concatenate((np.empty((rows, past.shape[1])), past))


def _as_long(totals: Numbers, rows: int) -> Numbers:
    """The oldest is repeated where a start-up takes longer than it was believed to."""
    missing = rows - len(totals)
    return totals if missing <= 0 else np.concatenate((totals, np.repeat(totals[-1:], missing, axis=0)))


def _faded(before: Numbers, hours: float, weights: Sequence[float] | Numbers, rows: Numbers) -> Numbers:
    """A sum that fades, with what each decision adds to it, the oldest first."""
    left = kept(hours) ** np.arange(len(rows), -1, -1)
    return np.asarray(before * left[0] + np.dot(left[1:] * weights, rows))


def _number(value: float) -> Numbers:
    """As an array: to take a Python number apart costs as long as to reckon with ninety of them."""
    return np.array(value)


_PERIOD, _DRAIN, _ONE, _CLOSE = (_number(one) for one in (PERIOD_SECONDS, DRAIN_SECONDS, 1.0, 1e-9))
_REST, _REST_SHARE = _number(REST - 1e-9), _number(REST_SHARE)
