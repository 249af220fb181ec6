"""Arrivals from recorded rates of clients: each a renewal process as ServeGen measured it, and with a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS, Arrivals
from qwen3_operator.scaling.simulate.gaps import add_gaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qwen3_operator.scaling.queue import Numbers

WORK_VARIATION = 1.2
"""Assumed coefficient of variation of the tokens of one request; rates do not tell it."""
_SETTLED = 5.0
"""Expected requests of a client in a step, over its squared variation, from which on counts per step are drawn instead
of each gap: gamma-Poisson, with the dispersion that counts of a renewal process approach. There they have 86 % of it,
if gaps are Weibull's with a variation of 5.5, and 97 % if gamma's; a tenth of that many would have half of it."""


@dataclass(frozen=True)
class Rates:
    """Clients in windows of equal length, one after another: all but ``known`` are [clients, windows]."""

    window_seconds: float
    clients: tuple[str, ...]
    requests_per_second: Numbers
    variation: Numbers
    """Coefficient of variation of the gaps between requests; 1 where they come independently."""
    weibull: NDArray[np.bool_]
    """Gaps are Weibull's; otherwise gamma's."""
    input_tokens: Numbers
    """Mean of a request."""
    output_tokens: Numbers
    """Mean of a request."""
    known: NDArray[np.bool_]
    """[windows]; False: a hole in the record."""
    begin: float = 0.0
    """Seconds on the record's clock at the first window."""

    @property
    def mean_tokens(self) -> tuple[float, float]:
        """Prompt and output tokens of a request of the whole trace."""
        weight = self.requests_per_second / self.requests_per_second.sum()
        return float((weight * self.input_tokens).sum()), float((weight * self.output_tokens).sum())


def generated(rates: Rates, factor: float, seed: int) -> Arrivals:
    """Arrivals with these rates, times ``factor``.

    A part of the traffic (factor < 1) is a random sample of the requests; more traffic comes in gaps of the same form.
    Between the middles of windows rates of busy clients and means of tokens go straight.
    """
    random = np.random.default_rng(seed)
    grid = _Grid.of(rates)
    requests = np.zeros((len(rates.clients), grid.steps), dtype=np.float32)
    inputs, outputs = np.zeros(grid.steps), np.zeros(grid.steps)
    settled = _settled(rates, factor)
    add_gaps(random, rates, factor, ~settled, requests)
    for client in range(len(rates.clients)):
        row = requests[client]
        busy = grid.known & settled[client][grid.window]
        if busy.any():
            excess = np.maximum(0.0, rates.variation[client] ** 2 - 1) * min(1.0, factor)
            mean = grid.smooth(_without_holes(rates, client)) * factor * STEP_SECONDS
            row += random.poisson(_gamma(random, np.where(busy, mean, 0.0), excess[grid.window]))
        row *= grid.known
        weight = _gamma(random, row.astype(float), np.full(grid.steps, WORK_VARIATION**2))
        inputs += weight * grid.smooth(rates.input_tokens[client])
        outputs += weight * grid.smooth(rates.output_tokens[client])
    total = requests.sum(axis=0, dtype=float)
    return Arrivals(total, inputs, outputs, grid.known, rates.clients, requests)


@dataclass(frozen=True)
class _Grid:
    """Steps in windows."""

    window: NDArray[np.intp]
    """Of each step."""
    known: NDArray[np.bool_]
    middles: Numbers
    """Of steps, in seconds."""
    centres: Numbers
    """Of windows, in seconds."""

    @property
    def steps(self) -> int:
        return len(self.window)

    @staticmethod
    def of(rates: Rates) -> _Grid:
        windows = len(rates.known)
        steps = int(windows * rates.window_seconds / STEP_SECONDS) // 2 * 2
        middles = (np.arange(steps) + 0.5) * STEP_SECONDS
        window = np.minimum((middles // rates.window_seconds).astype(int), windows - 1)
        centres = (np.arange(windows) + 0.5) * np.float64(rates.window_seconds)
        return _Grid(window, rates.known[window], np.asarray(middles, dtype=np.float64), centres)

    def smooth(self, values: Numbers) -> Numbers:
        return np.asarray(np.interp(self.middles, self.centres, values))


def _settled(rates: Rates, factor: float) -> NDArray[np.bool_]:
    """Where counts are drawn and not each gap: [clients, windows]."""
    expected = rates.requests_per_second * STEP_SECONDS * max(1.0, factor)
    return np.asarray(expected >= _SETTLED * np.maximum(1.0, rates.variation**2))


def _without_holes(rates: Rates, client: int) -> Numbers:
    """Rates of a client; in a hole those around it."""
    places = np.arange(len(rates.known))
    return np.asarray(np.interp(places, places[rates.known], rates.requests_per_second[client][rates.known]))


def _gamma(random: np.random.Generator, mean: Numbers, scale: Numbers) -> Numbers:
    """Gamma variates with a mean and a variance of ``mean * scale``."""
    drawn = mean.copy()
    real = (mean > 0) & (scale > 0)
    drawn[real] = random.gamma(mean[real] / scale[real], scale[real])
    return drawn
