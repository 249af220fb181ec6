"""The user's own history: counters of the engines, from a Prometheus server or a saved range query."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.replay_rows import text_of
from qwen3_operator.scaling.simulate import Rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.queue import Numbers

_COUNTERS = {
    "requests": ("sglang:num_requests_total", "vllm:request_success_total"),
    "prompt": ("sglang:prompt_tokens_total", "vllm:prompt_tokens_total"),
    "cached": ("sglang:cached_tokens_total", "vllm:prefix_cache_hits_total"),
    "answer": ("sglang:generation_tokens_total", "vllm:generation_tokens_total"),
}
QUERY = "{__name__=~" + json.dumps("|".join(name for names in _COUNTERS.values() for name in names)) + "}"
"""Whose range query can be replayed."""
_DAYS, _STEP_SECONDS, _PATIENCE_SECONDS = 7, 60, 120
_MOST_SAMPLES = 1_000_000
"""Windows; a longer history is a mistake in its times."""


def is_url(path: str) -> bool:
    """Whether a trace is a server rather than a file."""
    return path.startswith(("http://", "https://"))


def prometheus(path: str) -> tuple[Rates, list[str]]:
    """Rates of what the engines counted, all pods together.

    Args:
        path: of a saved answer of ``/api/v1/query_range``, or the URL of a server, whose last week is asked for.

    Raises:
        InputError: it cannot be read, or has not the counters.
    """
    text = _asked(path) if is_url(path) else text_of(Path(path))
    series = _series(path, text)
    times = np.unique(np.concatenate([at for _, at, _ in series]))
    if len(times) < 3:  # noqa: PLR2004 - two windows
        raise InputError(f"{path} has {len(times)} samples: a replay needs three at least")
    step = float(np.median(np.diff(times)))
    windows = round((float(times[-1]) - float(times[0])) / step)
    if windows > _MOST_SAMPLES:
        raise InputError(f"{path} goes over {windows} steps of {step:g} s: its times cannot be right")
    sums = {kind: _increases(series, names, float(times[0]), step, windows) for kind, names in _COUNTERS.items()}
    requests, known = sums["requests"]
    if not requests.any():
        raise InputError(f"{path}: no requests were counted in {' or '.join(_COUNTERS['requests'])}")
    fresh = np.maximum(0.0, sums["prompt"][0] - sums["cached"][0])
    means = [_mean(tokens, requests) for tokens in (fresh, sums["answer"][0])]
    rates = Rates(
        window_seconds=step,
        clients=("all",),
        requests_per_second=requests[None] / step,
        variation=np.ones((1, windows)),
        weibull=np.zeros((1, windows), dtype=bool),
        input_tokens=means[0][None],
        output_tokens=means[1][None],
        known=known,
        begin=float(times[0]),
    )
    notes = [] if known.all() else [f"{(~known).sum()} of {windows} steps have no samples: taken as holes, not silence"]
    return rates, notes


def _asked(url: str) -> str:
    now = time.time()
    asked = {"query": QUERY, "start": f"{now - _DAYS * 86400:.0f}", "end": f"{now:.0f}", "step": str(_STEP_SECONDS)}
    try:
        with urlopen(  # noqa: S310 - is_url has seen the scheme
            f"{url.rstrip('/')}/api/v1/query_range?{urlencode(asked)}", timeout=_PATIENCE_SECONDS
        ) as answer:
            return str(answer.read().decode())
    except (URLError, OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{url} does not answer as Prometheus: {error}") from error


def _series(path: str, text: str) -> list[tuple[str, Numbers, Numbers]]:
    """Name, times and values of each series."""
    try:
        answer: Any = json.loads(text)
        results = answer["data"]["result"]
        found = [
            (str(one["metric"].get("__name__", "")), *np.array(one["values"], dtype=float).reshape(-1, 2).T)
            for one in results
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} is no answer to a range query: want a matrix of {QUERY}") from error
    known = {name for names in _COUNTERS.values() for name in names}
    if not any(name in known for name, _, _ in found):
        raise InputError(f"{path} has none of the counters {', '.join(sorted(known))}: ask for {QUERY}")
    return [(name, at, values) for name, at, values in found if name in known and len(at)]


def _increases(
    series: Sequence[tuple[str, Numbers, Numbers]], names: Sequence[str], begin: float, step: float, windows: int
) -> tuple[Numbers, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Increase per window of all series of these names, and where one is known; a smaller value is a restart."""
    total, known = np.zeros(windows), np.zeros(windows, dtype=bool)
    for name, at, values in series:
        if name not in names:
            continue
        places = ((at - begin) / step).round().astype(int)
        grid = np.full(windows + 1, math.nan)
        grid[places[places <= windows]] = values[places <= windows]
        change = np.diff(grid)
        change = np.where(change < 0, grid[1:], change)
        good = np.isfinite(change)
        total[good] += change[good]
        known |= good
    return total, known


def _mean(tokens: Numbers, requests: Numbers) -> Numbers:
    """Tokens of a request; where none ended, as around."""
    places, good = np.arange(len(requests)), requests > 0
    return np.interp(places, places[good], tokens[good] / requests[good])
