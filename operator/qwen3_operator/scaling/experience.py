"""What was really seen, and which headroom it speaks for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qwen3_operator.scaling.queue import Waiting
from qwen3_operator.scaling.shadows import MEMORY_HOURS, RECENT_HOURS, STEPS, Shadows, kept
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qwen3_operator.scaling.levels import Levels
    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.types import QueueOrder

BUDGET = 0.007
"""Share of requests that may miss; the objective is 1 %, the rest pays for errors of the shadows."""
RECENT_BUDGET = 0.015
CHOOSE_EVERY = 60
"""Decisions between two choices."""
_PRIOR_HOURS, _PRIOR_HALF_LIFE, _PRIOR_STEP = 3.0, 6.0, 1.0
_YOUNG_HOURS = 12.0
"""The budget is smaller while there is little experience."""
_SHARPNESS = 20.0
"""A shape that costs 5 % more than the cheapest counts e times less."""
_SMOOTHING = 0.001
_HARDLY_MORE = 1.1
_NEARLY_NONE = 1e-9
"""Requests: sums fade to it where nothing arrives for days."""
_HOUR = PERIOD_SECONDS / 3600
_MEMORY, _RECENT, _PRIOR = kept(MEMORY_HOURS), kept(RECENT_HOURS), kept(_PRIOR_HALF_LIFE)


class Experience(NamedTuple):
    """Sums over the arrivals, fading like those of the shadows; hours fade alike."""

    decisions: int = 0
    requests: float = 0.0
    recent_requests: float = 0.0
    hours: float = 0.0
    recent_hours: float = 0.0
    prior_hours: float = _PRIOR_HOURS
    late: float = 0.0
    """Requests that were really late."""
    twin_late: float = 0.0
    """Requests that should have been, by a shadow with the replicas that were really ready."""
    twin_on_time: float = 0.0
    twin_waiting_late: float = 0.0
    chosen: tuple[int, ...] = ()
    """Candidate of each shape."""
    weights: tuple[float, ...] = ()
    """Of each shape."""

    @property
    def late_share(self) -> float:
        """Of the requests that arrived."""
        return self.late / self.requests if self.requests > _NEARLY_NONE else 0.0

    def after(
        self, work: float, requests: float, late: float, ready: float, wait: float, *, order: QueueOrder
    ) -> Experience:
        """One decision later; ``work`` and ``ready`` in replicas."""
        before = Waiting(self.twin_on_time, self.twin_waiting_late)
        queue, share = before.after(work * PERIOD_SECONDS, max(1.0, ready), PERIOD_SECONDS, wait, order=order)
        return Experience(
            self.decisions + 1,
            self.requests * _MEMORY + requests,
            self.recent_requests * _RECENT + requests,
            self.hours * _MEMORY + _HOUR,
            self.recent_hours * _RECENT + _HOUR,
            self.prior_hours * _PRIOR,
            self.late * _MEMORY + late,
            self.twin_late * _MEMORY + share * requests,
            *queue,
            self.chosen,
            self.weights,
        )

    def choice(
        self, shadows: Shadows, levels: Levels, startup_seconds: float
    ) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Per shape the smallest headroom that keeps the budget, and the weights of the shapes by cost."""
        prior = _prior(levels, startup_seconds)
        rate = self._rate(shadows.missed, self.requests, self.hours, prior)
        recent = self._rate(shadows.recently_missed, self.recent_requests, self.recent_hours, 0.5 * prior)
        good = _good(rate, self._budget()) & _good(recent, RECENT_BUDGET)
        good[:, -1] = True
        chosen = good.argmax(axis=1)
        cost = shadows.cost.reshape(STEPS.shape)[np.arange(len(STEPS)), chosen]
        weights = np.exp(-_SHARPNESS * (cost / max(float(cost.min()), 1e-9) - 1))
        return tuple(int(index) for index in chosen), tuple(float(weight) for weight in weights / weights.sum())

    def _rate(self, missed: Numbers, requests: float, hours: float, prior: Numbers) -> Numbers:
        seen = missed.reshape(STEPS.shape) / max(requests, _NEARLY_NONE)
        return np.asarray((hours * seen + self.prior_hours * prior) / (hours + self.prior_hours))

    def _budget(self) -> float:
        """Smaller while experience is short, and by how much the shadows miss less than was really missed."""
        blind = _SMOOTHING * self.requests + _NEARLY_NONE
        honesty = (self.late + blind) / (self.twin_late + blind)
        young = (self.hours + 1) / (self.hours + _YOUNG_HOURS)
        return BUDGET * young / min(10.0, max(0.25, honesty))


def _good(rate: Numbers, budget: float) -> NDArray[np.bool_]:
    """Within the budget; where no headroom is, those that miss hardly more than the largest."""
    return np.asarray(rate <= np.maximum(budget, _HARDLY_MORE * rate.min(axis=1, keepdims=True)))


def _prior(levels: Levels, startup_seconds: float) -> Numbers:
    """Expected share of misses per candidate before anything was seen: more headroom where start-ups take longer."""
    root = math.sqrt(startup_seconds / 60)
    noise = min(0.4, math.sqrt(levels.noise) / max(1e-9, levels.work))
    factor, deviation = 0.08 * root + 0.5 * noise, 0.35 * root + 0.4
    middle = _PRIOR_STEP * np.array([[factor], [deviation], [factor]])
    return np.minimum(0.5, 0.01 * np.exp(-2.5 * (STEPS - middle) / np.maximum(1e-6, middle)))
