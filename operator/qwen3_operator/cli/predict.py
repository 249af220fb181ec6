"""``predict``: speed and memory for the rows of a CSV file."""

import csv
import difflib
import json
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer

from qwen3_operator.catalog import Catalog
from qwen3_operator.cli import options
from qwen3_operator.cli.catalogs import catalog_of
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.files import STANDARD_INPUT, shown
from qwen3_operator.cli.output import note
from qwen3_operator.sizing.row_names import COUNTS
from qwen3_operator.sizing.rows import COLUMNS, predict_rows
from qwen3_operator.sizing.text import counted

INPUTS = (
    "model",
    "accelerator",
    "engine",
    "engine_version",
    "quantization",
    *COUNTS,
)
"""Columns that are read."""
REQUIRED = ("model", "accelerator")
"""Columns that have no default."""
_CHUNK = 1000
"""Rows that are predicted at a time: enough for arrays to pay, few enough for a pipe to flow."""
_SURPLUS, _MISSING = "\0surplus", "\0missing"
_LIKE = 0.75

Row = dict[str, str]


class RowFormat(StrEnum):
    """Of ``-o``."""

    CSV = "csv"
    JSONL = "jsonl"


@command
def predict(
    *,
    rows: Annotated[
        str, typer.Option(metavar="FILE", help="CSV with a header, one layout and load a row; - is standard input.")
    ],
    catalog: options.CatalogFile = None,
    output: Annotated[RowFormat, typer.Option("--output", "-o", help="What is printed.")] = RowFormat.CSV,
) -> None:
    """Predict speed and memory for each row of a CSV file.

    Columns: model, accelerator; optional, blank for the default: engine, engine_version, quantization,
    tensor_parallel, moe_tensor_parallel, expert_parallel, data_parallel, input_tokens, output_tokens, concurrency.
    Other columns come back as they are. A row that cannot be judged has valid=unknown and a reason; the others go on,
    and standard error says how many there were.
    """
    known = catalog_of(catalog)
    with _opened(rows) as stream:
        reader = csv.DictReader(_without_comments(stream), restkey=_SURPLUS, restval=_MISSING)
        try:
            reader.fieldnames = header = _checked(reader.fieldnames, shown(rows))
            writer = _Writer(output, header)
            while chunk := list(islice(reader, _CHUNK)):
                writer.write(_predicted(chunk, known))
            writer.sum_up()
        except UnicodeDecodeError as error:
            raise InputError(f"{shown(rows)} is not UTF-8 text") from error
        except csv.Error as error:
            raise InputError(f"{shown(rows)}, after line {reader.line_num}: {error}") from error


class _Writer:
    """Rows to standard output as they come: the columns of the header, then those that were added."""

    def __init__(self, form: RowFormat, header: list[str]) -> None:
        self._form = form
        self._rows = self._unknown = 0
        columns = [*header, *(name for name in COLUMNS if name not in header)]
        self._csv = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
        if form is RowFormat.CSV:
            self._csv.writeheader()

    def write(self, rows: list[Row]) -> None:
        """Write and flush."""
        self._rows += len(rows)
        self._unknown += sum(row["valid"] == "unknown" for row in rows)
        if self._form is RowFormat.CSV:
            self._csv.writerows(rows)
        else:
            sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
        sys.stdout.flush()

    def sum_up(self) -> None:
        """Say on standard error how many rows could not be judged; nothing if all were."""
        if self._unknown:
            rows = counted(self._rows, "row")
            note(f"warning: {self._unknown} of {rows} could not be judged: their column 'reason' says why")


def _predicted(chunk: list[Row], catalog: Catalog) -> list[Row]:
    """The answers in the order of the rows; one with more or fewer cells than the header has is not guessed at."""
    torn = [_torn(row) for row in chunk]
    answers = iter(predict_rows([row for row, problem in zip(chunk, torn, strict=True) if not problem], catalog))
    return [_unknown(row, problem) if problem else next(answers) for row, problem in zip(chunk, torn, strict=True)]


def _torn(row: Row) -> str:
    if _SURPLUS in row:
        return f"the row has more cells than the header: {len(row[_SURPLUS])} too many"
    missing = list(row.values()).count(_MISSING)
    return f"the row has fewer cells than the header: {missing} missing" if missing else ""


def _unknown(row: Row, problem: str) -> Row:
    cells = {name: "" if value == _MISSING else value for name, value in row.items() if name != _SURPLUS}
    return cells | dict.fromkeys(COLUMNS, "") | {"valid": "unknown", "reason": problem}


def _opened(name: str) -> TextIO:
    if name == STANDARD_INPUT:
        return sys.stdin
    try:
        return Path(name).open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    """Lines after those that start with # before the header."""
    started = False
    for line in lines:
        started = started or not (line.startswith("#") or not line.strip())
        if started:
            yield line


def _checked(names: Iterable[str] | None, where: str) -> list[str]:
    """The header as it is, if rows can be read by it."""
    header = [name.strip().removeprefix("\ufeff") for name in names or ()]
    if not header:
        raise InputError(f"{where} is empty: the first line names columns, at least {' and '.join(REQUIRED)}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{where}: column {twice[0]!r} occurs twice")
    for name in REQUIRED:
        if name not in header:
            close = difflib.get_close_matches(name, header, n=1, cutoff=_LIKE)
            hint = f"is {close[0]!r} meant?" if close else f"it has {', '.join(header)}"
            raise InputError(f"{where} has no column {name!r}: {hint}")
    for name in header:
        close = difflib.get_close_matches(name, [known for known in INPUTS if known not in header], n=1, cutoff=_LIKE)
        if name not in INPUTS and close:
            note(f"warning: column {name!r} is not read; did you mean {close[0]}?")
    return header
