"""Recorded traffic from files: ServeGen's rates, Azure's requests, or a plain CSV of requests."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.cli.errors import InputError
from qwen3_operator.scaling.simulate import Arrivals, Rates, generated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qwen3_operator.scaling import Capacity

_RATES, _CLIENTS = ".rate_10min.csv", ".client_windows.csv.gz"
_RATE_COLUMNS = ("t_s", "rate_rps", "mean_input_tokens", "mean_output_tokens")
_AZURE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_PLAIN_COLUMNS = ("timestamp", "input_tokens", "output_tokens")
_WINDOW_SECONDS = 600.0
_BURSTIEST = 20.0
"""Coefficient of variation above which one window of one client says little."""


class TraceFormat(StrEnum):
    """Of ``--format``."""

    SERVEGEN = "servegen"
    AZURE = "azure"
    CSV = "csv"


_COLUMNS = {
    TraceFormat.SERVEGEN: _RATE_COLUMNS,
    TraceFormat.AZURE: _AZURE_COLUMNS,
    TraceFormat.CSV: _PLAIN_COLUMNS,
}


def arrivals(
    path: str, form: TraceFormat | None, unit: Capacity, mean_replicas: float | None, seed: int
) -> tuple[Arrivals, list[str]]:
    """The traffic of a file, and what is worth knowing about it.

    Args:
        path: of the file; for ServeGen also the part of the name before ``.rate_10min.csv``.
        form: None: told by the columns.
        unit: in whose replicas ``mean_replicas`` counts.
        mean_replicas: scale the traffic so that so many replicas would be busy; None: as it was.
        seed: of arrivals that are generated from rates.

    Raises:
        InputError: the file cannot be read or has other columns.
    """
    file = _file(path)
    rows = _Rows(file)
    kind = form or rows.form()
    rows.need(_COLUMNS[kind])
    if kind is TraceFormat.SERVEGEN:
        return _servegen(file, rows, unit, mean_replicas, seed)
    times, inputs, outputs = rows.requests(_COLUMNS[kind])
    found = Arrivals.of(times, inputs, outputs)
    if mean_replicas is None:
        return found, []
    there = found.mean_replicas(unit)
    if there <= 0:
        raise InputError(f"{file} has no tokens that --mean-replicas could scale")
    factor = mean_replicas / there
    return found.times(factor), [f"every request of the trace stands for {factor:.3g}"]


class _Rows:
    """Rows of a CSV file, with errors that name the line."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._lines = [line for line in _text(file).splitlines() if line.strip() and not line.startswith("#")]
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}") from error
        except (UnicodeDecodeError, EOFError) as error:
            raise InputError(f"{file} is not UTF-8 text") from error
        self.header: Sequence[str] = next(csv.reader(self._lines), [])

    def form(self) -> TraceFormat:
        """The format whose columns are there."""
        for form, columns in _COLUMNS.items():
            if set(columns) <= set(self.header):
                return form
        known = "; ".join(f"{form}: {', '.join(columns)}" for form, columns in _COLUMNS.items())
        raise InputError(f"{self._file} has the columns {', '.join(self.header) or 'none'}; known are {known}")

    def need(self, columns: Sequence[str]) -> None:
        """Refuse a file without these columns."""
        missing = [name for name in columns if name not in self.header]
        if missing:
            raise InputError(f"{self._file} has no column {missing[0]!r}: it has {', '.join(self.header) or 'none'}")

    def cells(self, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Number and these cells of each row."""
        places = [self.header.index(name) for name in columns]
        for number, row in enumerate(csv.reader(self._lines), 1):
            if number > 1:
                if len(row) <= max(places):
                    raise InputError(f"{self._file}, row {number}: {len(row)} cells, the header has {len(self.header)}")
                yield number, [row[place].strip() for place in places]

    def numbers(self, columns: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """One row per column; an empty cell is 0."""
        return self._table([[self._number(number, cell or "0") for cell in row] for number, row in self.cells(columns)])

    def requests(self, columns: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Time in seconds, prompt tokens and output tokens of each request, one row each."""
        found = [
            [self._time(number, row[0]), *(self._number(number, cell) for cell in row[1:])]
            for number, row in self.cells(columns)
        ]
        return self._table(found)

    def _table(self, found: list[list[float]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        if not found:
            raise InputError(f"{self._file} has no rows")
        return np.array(found, dtype=float).T

    def _number(self, number: int, cell: str) -> float:
        try:
            value = float(cell)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise InputError(f"{self._file}, row {number}: {cell!r} is no number from 0 on")
        return value

    def _time(self, number: int, cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            pass
        try:
            return _seconds(cell)
        except ValueError as error:
            raise InputError(f"{self._file}, row {number}: {cell!r} is neither seconds nor a date and time") from error


def _seconds(cell: str) -> float:
    """Of a date and time; digits below a microsecond, as in Azure's, are cut."""
    whole, point, rest = cell.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    fraction = f".{rest[: min(digits, 6)]:0<6}" if point else ""
    return datetime.fromisoformat(whole + fraction + rest[digits:]).timestamp()


def _text(file: Path) -> str:
    data = file.read_bytes()
    return (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8-sig")


def _file(path: str) -> Path:
    names = (path, f"{path}{_RATES}", f"{path}{_RATES}.gz")
    found = next((Path(name) for name in names if Path(name).is_file()), None)
    if found is None:
        raise InputError(f"{path} cannot be read: there is no such file, nor {path}{_RATES}")
    return found


def _servegen(
    file: Path, rows: _Rows, unit: Capacity, mean_replicas: float | None, seed: int
) -> tuple[Arrivals, list[str]]:
    times, rate, inputs, outputs = rows.numbers(_RATE_COLUMNS)
    if len(times) > 1 and not np.allclose(np.diff(times), _WINDOW_SECONDS):
        raise InputError(f"{file}: t_s must rise by {_WINDOW_SECONDS:.0f} from row to row")
    if not rate.any():
        raise InputError(f"{file}: rate_rps is 0 everywhere")
    beside = file.with_name(file.name.removesuffix(".gz").removesuffix(_RATES) + _CLIENTS)
    dispersion, notes = np.ones(len(rate)), [f"{beside.name} is not beside it: requests arrive independently"]
    if beside.is_file():
        dispersion, notes = _dispersion(_Rows(beside), float(times[0]), rate), []
    full = rate > 0
    if not full.all():
        notes.append(f"{int((~full).sum())} of {len(rate)} windows are empty: taken as holes, not as silence")
    rates = Rates(_WINDOW_SECONDS, rate, inputs, outputs, dispersion)
    work = float(
        (rate * (inputs / unit.input_tokens_per_second + outputs / unit.output_tokens_per_second))[full].mean()
    )
    factor = 1.0 if mean_replicas is None else mean_replicas / work
    if mean_replicas is not None:
        notes.append(f"traffic times {factor:.3g}")
    return generated(rates, factor, seed), notes


def _dispersion(
    rows: _Rows, begin: float, rate: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Per window the mean of the clients' squared variation of gaps, by their rates: what counts disperse by."""
    rows.need(("t_s", "rate_rps", "iat_cv"))
    times, client_rate, variation = rows.numbers(("t_s", "rate_rps", "iat_cv"))
    window = ((times - begin) // _WINDOW_SECONDS).astype(int)
    inside = (window >= 0) & (window < len(rate))
    window, client_rate, variation = window[inside], client_rate[inside], np.minimum(variation[inside], _BURSTIEST)
    total = np.bincount(window, client_rate, minlength=len(rate))
    spread = np.bincount(window, client_rate * variation**2, minlength=len(rate))
    return np.maximum(1.0, np.where(total > 0, spread / np.maximum(total, 1e-9), 1.0))
