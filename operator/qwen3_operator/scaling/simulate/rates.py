"""Arrivals from recorded rates: over-dispersed, as ServeGen measured them, and with a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS, Arrivals

if TYPE_CHECKING:
    from qwen3_operator.scaling.queue import Numbers

WORK_VARIATION = 1.2
"""Assumed coefficient of variation of the tokens of one request; rates do not tell it."""


@dataclass(frozen=True)
class Rates:
    """Windows of equal length, one after another."""

    window_seconds: float
    requests_per_second: Numbers
    """0: a hole in the record."""
    input_tokens: Numbers
    """Mean of a request."""
    output_tokens: Numbers
    """Mean of a request."""
    dispersion: Numbers
    """Variance of a count of arrivals over its mean; 1 where they come independently."""


def generated(rates: Rates, factor: float, seed: int) -> Arrivals:
    """Arrivals with these rates, times ``factor``.

    Counts are gamma-Poisson with the window's dispersion. A part of the traffic (factor < 1) is a random sample of the
    requests, which brings their dispersion closer to 1; more traffic has the same dispersion. Between the middles of
    windows rates and means go straight.
    """
    random = np.random.default_rng(seed)
    steps = int(len(rates.requests_per_second) * rates.window_seconds / STEP_SECONDS) // 2 * 2
    middle = (np.arange(steps) + 0.5) * STEP_SECONDS
    window = np.minimum((middle // rates.window_seconds).astype(int), len(rates.requests_per_second) - 1)
    full = rates.requests_per_second > 0
    centres = (np.arange(len(full)) + 0.5) * rates.window_seconds

    def smooth(values: Numbers) -> Numbers:
        return np.asarray(np.interp(middle, centres[full], values[full]))

    known = full[window]
    mean = np.where(known, smooth(rates.requests_per_second) * factor * STEP_SECONDS, 0.0)
    excess = np.maximum(0.0, rates.dispersion[window] - 1) * min(1.0, factor)
    requests = random.poisson(_gamma(random, mean, excess)).astype(float)
    weight = _gamma(random, requests, np.full(steps, WORK_VARIATION**2))
    return Arrivals(requests, weight * smooth(rates.input_tokens), weight * smooth(rates.output_tokens), known)


def _gamma(random: np.random.Generator, mean: Numbers, scale: Numbers) -> Numbers:
    """Gamma variates with a mean and a variance of ``mean * scale``."""
    safe = np.maximum(scale, 1e-9)
    drawn = random.gamma(np.maximum(mean, 1e-9) / safe, safe)
    return np.asarray(np.where((mean > 0) & (scale > 0), drawn, mean))
