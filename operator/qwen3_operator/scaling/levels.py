"""Levels of the arriving work and how far it strays from them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.queue import Numbers

MEANS = (20.0, 60.0, 180.0)
"""Seconds over which the three levels are smoothed."""
LONGEST_HOLD = 360
"""Decisions that are remembered: an hour covers tenants that come and go."""
_NOISE_SECONDS, _DRIFT_SECONDS, _MIX_SECONDS = 1800.0, 21600.0, 600.0
_NEARLY_NONE = 1e-9
"""Requests per second: a level fades to it where nothing arrives for hours."""
_FLOOR = 0.1
"""The spread is never believed to be below this part of the level."""
_FEW = 50
"""Numbers that Python compares faster than numpy."""


class Levels(NamedTuple):
    """Work in replicas (replica-seconds that arrive per second)."""

    held: Numbers = np.zeros((0, len(MEANS)))
    """The levels at past decisions, the newest first: [decisions, MEANS]."""
    noise: float = 0.0
    """Variance of the work around its level."""
    drift: float = 0.0
    """Variance of what a level changes by during a start-up."""
    requests: float = 0.0
    """Per second."""
    input_tokens: float = 0.0
    """Per second."""
    output_tokens: float = 0.0
    """Per second."""

    @property
    def work(self) -> float:
        """The middle level."""
        return float(self.held[0, 1]) if len(self.held) else 0.0

    @property
    def work_per_request(self) -> float:
        """Replica-seconds."""
        return self.work / self.requests if self.requests > _NEARLY_NONE else 0.0

    @property
    def spread(self) -> float:
        """Standard deviation of what may come during a start-up."""
        return math.sqrt(self.noise + self.drift + (_FLOOR * self.work) ** 2)

    def highest(self, mean: int, decisions: int) -> float:
        """The highest value of one of the levels over the last decisions, this one included."""
        values = self.held[: decisions + 1, mean]
        return max(values.tolist()) if decisions < _FEW else float(np.maximum.reduce(values))

    def after(self, work: float, tokens: tuple[float, float, float], startup: int) -> Levels:
        """The levels one decision later.

        Args:
            work: that arrived, in replicas.
            tokens: requests, prompt tokens and output tokens per second.
            startup: decisions that a start-up takes.
        """
        if not len(self.held):
            return Levels(np.full((1, len(MEANS)), work), 0.0, 0.0, *tokens)
        newest = [old + share * (work - old) for old, share in zip(self.held[0].tolist(), _SHARES, strict=True)]
        noise = self.noise + _NOISE * ((work - newest[1]) ** 2 - self.noise)
        drift = self.drift
        if len(self.held) >= startup > 0:
            change = newest[1] - float(self.held[startup - 1, 1])
            drift += _DRIFT * (change**2 - drift)
        requests, inputs, outputs = tokens
        return Levels(
            _pushed(newest, self.held),
            noise,
            drift,
            self.requests + _MIX * (requests - self.requests),
            self.input_tokens + _MIX * (inputs - self.input_tokens),
            self.output_tokens + _MIX * (outputs - self.output_tokens),
        )


def _pushed(newest: Sequence[float], held: Numbers) -> Numbers:
    rows = min(LONGEST_HOLD, len(held))
    found = np.empty((rows + 1, len(MEANS)))
    found[0], found[1:] = newest, held[:rows]
    return found


def _share(seconds: float) -> float:
    return 1 - math.exp(-PERIOD_SECONDS / seconds)


_NOISE, _DRIFT, _MIX = _share(_NOISE_SECONDS), _share(_DRIFT_SECONDS), _share(_MIX_SECONDS)
_SHARES = tuple(_share(seconds) for seconds in MEANS)
