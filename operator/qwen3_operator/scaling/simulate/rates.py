"""Arrivals from recorded rates of clients: each a renewal process as ServeGen measured it, and with a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS, Arrivals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qwen3_operator.scaling.queue import Numbers

WORK_VARIATION = 1.2
"""Assumed coefficient of variation of the tokens of one request; rates do not tell it."""
_MANY = 1000.0
"""Requests of a client in a window from which on counts per step are drawn instead of each gap: gamma-Poisson, with the
dispersion that counts of a renewal process approach."""
_SHAPES = np.geomspace(0.12, 12.0, 400)
"""Of Weibull gaps."""
_VARIATIONS = np.array([math.sqrt(math.gamma(1 + 2 / k) / math.gamma(1 + 1 / k) ** 2 - 1) for k in _SHAPES])
"""Coefficient of variation of gaps with each of these shapes; falling."""


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
    few = _few(rates)
    _add_gaps(random, rates, factor, few, requests)
    for client in range(len(rates.clients)):
        row = requests[client]
        busy = grid.known & ~few[client][grid.window]
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


def _few(rates: Rates) -> NDArray[np.bool_]:
    """Where each gap is drawn: [clients, windows]."""
    return np.asarray(rates.requests_per_second * rates.window_seconds < _MANY)


def _without_holes(rates: Rates, client: int) -> Numbers:
    """Rates of a client; in a hole those around it."""
    places = np.arange(len(rates.known))
    return np.asarray(np.interp(places, places[rates.known], rates.requests_per_second[client][rates.known]))


def _add_gaps(
    random: np.random.Generator, rates: Rates, factor: float, few: NDArray[np.bool_], requests: NDArray[np.float32]
) -> None:
    """Requests of all clients in windows with few, gap by gap, added to [clients, steps].

    Time runs in expected requests, so that a gap has the mean 1; what is left of it at the end of a window goes on in
    the next.
    """
    rest = random.exponential(1.0, len(rates.clients))
    more = max(1.0, factor)
    steps = requests.shape[1]
    for window in range(len(rates.known)):
        clients = np.flatnonzero(few[:, window] & (rates.requests_per_second[:, window] > 0))
        expected = rates.requests_per_second[clients, window] * rates.window_seconds * more
        asked = rest[clients] < expected
        rest[clients[~asked]] -= expected[~asked]
        clients, expected = clients[asked], expected[asked]
        if not len(clients):
            continue
        variation = rates.variation[clients, window]
        draws = np.ceil(1.5 * expected + 3 * variation * np.sqrt(expected) + 2).astype(int)
        owner = np.repeat(np.arange(len(clients)), draws)
        gaps = _gaps(random, variation, rates.weibull[clients, window], owner)
        ends = draws.cumsum()
        running = np.concatenate(([0.0], gaps.cumsum()))
        base = running[ends - draws]
        at = running[:-1] - base[owner] + rest[clients][owner]
        inside = at < expected[owner]
        after = running[ends] - base + rest[clients]
        first_out = np.full(len(clients), np.inf)
        np.minimum.at(first_out, owner[~inside], at[~inside])
        rest[clients] = np.maximum(0.0, np.minimum(first_out, after) - expected)
        if factor < 1:
            inside &= random.random(len(at)) < factor
        begin = window * rates.window_seconds / STEP_SECONDS
        place = begin + at[inside] / expected[owner[inside]] * rates.window_seconds / STEP_SECONDS
        cells = clients[owner[inside]] * steps + np.minimum(place.astype(int), steps - 1)
        np.add.at(requests.reshape(-1), cells, np.float32(1))  # several times as fast as with two indices


def _gaps(
    random: np.random.Generator, variation: Numbers, weibull: NDArray[np.bool_], owner: NDArray[np.intp]
) -> Numbers:
    """Gaps with the mean 1, of the form and variation of their owner."""
    shape = 1 / np.maximum(variation, 1e-3) ** 2
    form = np.interp(-variation, -_VARIATIONS, _SHAPES)
    scale = np.array([1 / math.gamma(1 + 1 / k) for k in form])
    is_weibull = weibull[owner]
    gaps = np.empty(len(owner))
    gaps[~is_weibull] = random.gamma(shape[owner[~is_weibull]]) / shape[owner[~is_weibull]]
    gaps[is_weibull] = random.weibull(form[owner[is_weibull]]) * scale[owner[is_weibull]]
    return gaps


def _gamma(random: np.random.Generator, mean: Numbers, scale: Numbers) -> Numbers:
    """Gamma variates with a mean and a variance of ``mean * scale``."""
    drawn = mean.copy()
    real = (mean > 0) & (scale > 0)
    drawn[real] = random.gamma(mean[real] / scale[real], scale[real])
    return drawn
