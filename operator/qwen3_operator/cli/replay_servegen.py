"""ServeGen's release: rates of a model, and of its clients, in windows of ten minutes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.replay_rows import Rows
from qwen3_operator.scaling.simulate import Rates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qwen3_operator.scaling.queue import Numbers

RATES = ".rate_10min.csv"
COLUMNS = ("t_s", "rate_rps", "mean_input_tokens", "mean_output_tokens")
_CLIENTS, _TOKENS = ".client_windows.csv", ".client_tokens_6h.csv"
_WINDOW_SECONDS, _TOKEN_SECONDS = 600.0, 21600.0
_LEAST, _BURSTIEST = 0.2, 20.0
"""Coefficients of variation beyond which one window of one client says little."""
_OTHERS = 0.01
"""Share of the rate that the clients may leave out before the rest counts as a client of its own."""


def servegen(file: Path) -> tuple[Rates, list[str]]:
    """The rates of a file and of what lies beside it, and what is worth knowing about them."""
    begin, rate, inputs, outputs = _windows(file)
    known = rate > 0
    notes = [] if known.all() else [f"{(~known).sum()} of {len(rate)} windows are empty: taken as holes, not silence"]
    total = Rates(
        window_seconds=_WINDOW_SECONDS,
        clients=("all",),
        requests_per_second=rate[None],
        variation=np.ones((1, len(rate))),
        weibull=np.zeros((1, len(rate)), dtype=bool),
        input_tokens=_filled(inputs, known)[None],
        output_tokens=_filled(outputs, known)[None],
        known=known,
        begin=begin,
    )
    beside = _beside(file, _CLIENTS)
    if beside is None:
        prefix = file.name.removesuffix(".gz").removesuffix(RATES)
        return total, [*notes, f"{prefix}{_CLIENTS}.gz is not beside it: requests arrive independently"]
    return _with_tokens(_with_clients(total, beside, begin), file, begin), notes


def _windows(file: Path) -> tuple[float, Numbers, Numbers, Numbers]:
    """Begin, rates and mean tokens; windows without a row are holes."""
    rows = Rows(file)
    times, rate, inputs, outputs = rows.numbers(COLUMNS)
    places = (times - times[0]) / _WINDOW_SECONDS
    if not (np.isfinite(times).all() and np.allclose(places, places.round()) and (np.diff(places) > 0.5).all()):  # noqa: PLR2004
        raise InputError(f"{file}: t_s must rise by {_WINDOW_SECONDS:.0f} or a multiple of it from row to row")
    if not (rate > 0).any():
        raise InputError(f"{file}: rate_rps is 0 everywhere")
    columns = np.full((3, int(places[-1].round()) + 1), np.nan)
    columns[:, places.round().astype(int)] = rate, inputs, outputs
    columns[0] = np.nan_to_num(columns[0])
    return float(times[0]), *columns


def _filled(values: Numbers, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Numbers:
    """What is not there lies between its neighbours."""
    places, good = np.arange(len(values)), known & np.isfinite(values)
    return np.interp(places, places[good], values[good]) if good.any() else np.zeros(len(values))


def _beside(file: Path, ending: str) -> Path | None:
    prefix = file.name.removesuffix(".gz").removesuffix(RATES)
    names = (file.with_name(f"{prefix}{ending}{more}") for more in (".gz", ""))
    return next((name for name in names if name.is_file()), None)


def _with_clients(total: Rates, file: Path, begin: float) -> Rates:
    """Each client's rate and gaps; what no client has is one more client's, with independent requests."""
    rows, windows = Rows(file), len(total.known)
    found: dict[str, list[Numbers]] = {}
    for line, (client, at, *cells) in rows.cells(("client", "t_s", "rate_rps", "iat_cv", "dist")):
        window = int((rows.number(line, at) - begin) // _WINDOW_SECONDS)
        if 0 <= window < windows:
            columns = found.setdefault(client, [np.zeros(windows), np.full(windows, np.nan), np.zeros(windows)])
            columns[0][window] = rows.number(line, cells[0])
            columns[1][window] = min(max(rows.number(line, cells[1]), _LEAST), _BURSTIEST)
            columns[2][window] = cells[2] == "Weibull"
    rate = np.array([one[0] for one in found.values()]).reshape(-1, windows)
    others = np.maximum(0.0, total.requests_per_second - rate.sum(axis=0))
    names, variation = list(found), [_carried(one[1]) for one in found.values()]
    weibull = [one[2] > 0 for one in found.values()]
    if others.sum() > _OTHERS * total.requests_per_second.sum():
        names, rate = [*names, "others"], np.concatenate((rate, others))
        variation, weibull = [*variation, np.ones(windows)], [*weibull, np.zeros(windows, dtype=bool)]
    return replace(
        total,
        clients=tuple(names),
        requests_per_second=rate,
        variation=np.array(variation),
        weibull=np.array(weibull),
        input_tokens=np.repeat(total.input_tokens, len(names), axis=0),
        output_tokens=np.repeat(total.output_tokens, len(names), axis=0),
    )


def _carried(values: Numbers) -> Numbers:
    """Windows without a value have that of the last one before; 1 before the first."""
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.where(last >= 0, values[last], 1.0)


def _with_tokens(rates: Rates, file: Path, begin: float) -> Rates:
    """Each client's mean tokens where they are known."""
    beside = _beside(file, _TOKENS)
    if beside is None:
        return rates
    rows = Rows(beside)
    found: dict[tuple[str, str], dict[float, float]] = {}
    for line, (client, at, field, mean) in rows.cells(("client", "t_s", "field", "mean")):
        centre = rows.number(line, at) - begin + _TOKEN_SECONDS / 2
        found.setdefault((client, field), {})[centre] = rows.number(line, mean)
    centres: Numbers = (np.arange(len(rates.known)) + 0.5) * np.float64(_WINDOW_SECONDS)

    def of_clients(field: str, usual: Numbers) -> Numbers:
        return np.array([_means(found, (name, field), centres, usual[i]) for i, name in enumerate(rates.clients)])

    inputs, outputs = of_clients("input_tokens", rates.input_tokens), of_clients("output_tokens", rates.output_tokens)
    return replace(rates, input_tokens=inputs, output_tokens=outputs)


def _means(
    found: Mapping[tuple[str, str], Mapping[float, float]], key: tuple[str, str], centres: Numbers, usual: Numbers
) -> Numbers:
    known = found.get(key)
    if not known:
        return usual
    times = sorted(known)
    return np.interp(centres, times, [known[time] for time in times])
