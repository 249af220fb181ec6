"""Requests of clients gap by gap: renewal processes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.simulate.rates import Rates

_MANY = 1000.0
"""Requests of a client in a window from which on its rate goes straight between the middles of windows."""
_PIECES = 20
"""Parts of a window in which a rate that goes straight is taken as even."""
_SHAPES = np.geomspace(0.12, 12.0, 400)
"""Of Weibull gaps."""
_VARIATIONS = np.array([math.sqrt(math.gamma(1 + 2 / k) / math.gamma(1 + 1 / k) ** 2 - 1) for k in _SHAPES])
"""Coefficient of variation of gaps with each of these shapes; falling."""


def add_gaps(
    random: np.random.Generator, rates: Rates, factor: float, chosen: NDArray[np.bool_], requests: NDArray[np.float32]
) -> None:
    """Requests of all clients in the chosen windows, gap by gap, added to [clients, steps].

    Time runs in expected requests, so that a gap has the mean 1; what is left of it at the end of a window goes on in
    the next.
    """
    rest = random.exponential(1.0, len(rates.clients))
    more = max(1.0, factor)
    steps = requests.shape[1]
    for window in range(len(rates.known)):
        clients = np.flatnonzero(chosen[:, window] & (rates.requests_per_second[:, window] > 0))
        pieces = _pieces(rates, clients, window)
        expected = pieces.sum(axis=1) * more
        asked = rest[clients] < expected
        rest[clients[~asked]] -= expected[~asked]
        clients, expected, pieces = clients[asked], expected[asked], pieces[asked]
        if not len(clients):
            continue
        variation = rates.variation[clients, window]
        draws = np.ceil(1.1 * expected + 4 * variation * np.sqrt(expected) + 2).astype(int)
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
        whose = owner[inside]
        place = (window + _moments(pieces, whose, at[inside] / expected[whose])) * rates.window_seconds / STEP_SECONDS
        cells = clients[whose] * steps + np.minimum(place.astype(int), steps - 1)
        np.add.at(requests.reshape(-1), cells, np.float32(1))  # several times as fast as with two indices


def _pieces(rates: Rates, clients: NDArray[np.intp], window: int) -> Numbers:
    """Expected requests in each part of a window: [clients, _PIECES]."""
    here = rates.requests_per_second[clients, window]
    before, after = (_beside(rates, clients, window, other) for other in (window - 1, window + 1))
    way = (np.arange(_PIECES) + 0.5) / _PIECES - 0.5
    found = here[:, None] + np.where(way < 0, np.outer(here - before, way), np.outer(after - here, way))
    straight = here * rates.window_seconds >= _MANY
    return np.asarray(np.where(straight[:, None], found, here[:, None]) * rates.window_seconds / _PIECES)


def _beside(rates: Rates, clients: NDArray[np.intp], window: int, other: int) -> Numbers:
    """Rates in the window beside; at the ends of the record and of its holes those of the window itself."""
    there = 0 <= other < len(rates.known) and rates.known[other]
    return np.asarray(rates.requests_per_second[clients, other if there else window])


def _moments(pieces: Numbers, owner: NDArray[np.intp], shares: Numbers) -> Numbers:
    """Parts of the window after which shares of what their owner expects in it have come."""
    running = np.zeros((len(pieces), _PIECES + 1))
    pieces.cumsum(axis=1, out=running[:, 1:])
    running = np.arange(len(pieces))[:, None] + running / running[:, -1:]
    edges = np.broadcast_to(np.linspace(0.0, 1.0, _PIECES + 1), running.shape)
    return np.asarray(np.interp(owner + shares, running.ravel(), edges.ravel()))


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
