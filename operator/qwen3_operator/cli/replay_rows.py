"""Rows of a trace, with errors that name the line."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from qwen3_operator.scaling.queue import Numbers


def text_of(file: Path) -> str:
    """A file that may be compressed.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    try:
        data = file.read_bytes()
        return (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{file} is no whole gzip file: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from error


class Rows:
    """Rows of a CSV file with a header; blank lines and those that start with # are passed over."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = enumerate(text_of(file).splitlines(), 1)
        self._lines = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
        self.header: Sequence[str] = next(csv.reader(line for _, line in self._lines[:1]), [])

    def need(self, columns: Sequence[str]) -> None:
        """Refuse a file without these columns."""
        missing = [name for name in columns if name not in self.header]
        if missing:
            raise InputError(f"{self._file} has no column {missing[0]!r}: it has {', '.join(self.header) or 'none'}")

    def cells(self, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Line and these cells of each row.

        Raises:
            InputError: a row has too few cells, or there is none.
        """
        self.need(columns)
        places = [self.header.index(name) for name in columns]
        if len(self._lines) < 2:  # noqa: PLR2004 - the header and a row
            raise InputError(f"{self._file} has no rows")
        numbers = [number for number, _ in self._lines[1:]]
        for number, row in zip(numbers, csv.reader(line for _, line in self._lines[1:]), strict=False):
            if len(row) <= max(places):
                raise InputError(f"{self._file}, line {number}: {len(row)} cells, the header has {len(self.header)}")
            yield number, [row[place].strip() for place in places]

    def numbers(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """One row per column; an empty cell is not a number."""
        found = [
            [self.number(number, cell) if cell else math.nan for cell in row] for number, row in self.cells(columns)
        ]
        return np.array(found, dtype=float).T

    def requests(self, columns: Sequence[str]) -> tuple[Numbers, Numbers, Numbers]:
        """Seconds, prompt tokens and output tokens of each request."""
        found = [
            [self._time(number, row[0]), *(self.number(number, cell) for cell in row[1:])]
            for number, row in self.cells(columns)
        ]
        times, inputs, outputs = np.array(found, dtype=float).T
        return times, inputs, outputs

    def number(self, number: int, cell: str) -> float:
        """A finite number from 0 on."""
        try:
            value = float(cell)
        except ValueError:
            value = -1.0
        if not 0 <= value < math.inf:
            raise InputError(f"{self._file}, line {number}: {cell!r} is no number from 0 on")
        return value

    def _time(self, number: int, cell: str) -> float:
        try:
            value = float(cell)
        except ValueError:
            value = self._date(number, cell)
        if not math.isfinite(value):
            raise InputError(f"{self._file}, line {number}: {cell!r} is no time")
        return value

    def _date(self, number: int, cell: str) -> float:
        try:
            return seconds_of(cell)
        except ValueError as error:
            raise InputError(f"{self._file}, line {number}: {cell!r} is neither seconds nor a date and time") from error


def seconds_of(cell: str) -> float:
    """Since the epoch, of a date and time: UTC where it names no zone. Digits below a microsecond, as Azure's, are cut.

    Raises:
        ValueError: it is none.
    """
    whole, point, rest = cell.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    fraction = f".{rest[: min(digits, 6)]:0<6}" if point else ""
    found = datetime.fromisoformat(whole + fraction + rest[digits:])
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
