"""The hardware table as text: for a terminal, for a page, for a program."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from rich.text import Text

from qwen3_operator.cli.tables import plain_table
from qwen3_operator.sizing.needs import ASSUMED_INPUT_TOKENS, ASSUMED_OUTPUT_TOKENS
from qwen3_operator.sizing.text import gigabytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from qwen3_operator.cli.hardware_table import Cell, Line

LEGEND = (
    "A cell is the fewest devices of one server that hold the model with one request of the full context, then the "
    f"tokens per second of one request of {ASSUMED_INPUT_TOKENS} tokens in and {ASSUMED_OUTPUT_TOKENS} out while no "
    "other runs, and how they are known: m measured (calibrated on measured rows of this kind of device, engine, "
    "format and model; not itself a measurement), c calculated, ? unknown. > means that one server is not enough, - "
    "that the format or the engine does not run there."
)
MEMORY = "MEMORY is weights and the KV cache of one request of that context, without the engine's own reserve."
"""Said below tables on a terminal."""
_ONE = 1
_CELL_WIDTH = 12
_FIXED_WIDTH = 62


def cell_text(line: Line, cell: Cell) -> str:
    """``2 x 69 m``, ``4 x ?``, ``>`` or ``-``; devices alone for models that write no tokens."""
    if cell.devices is None:
        return ">" if cell.too_large else "-"
    if not line.generates:
        return str(cell.devices)
    if cell.tokens_per_second is None:
        return f"{cell.devices} x ?"
    return f"{cell.devices} x {cell.tokens_per_second:.0f} {cell.known[0]}"


def _cells(line: Line, part: slice = slice(None)) -> list[str]:
    return [cell_text(line, cell) for cell in line.cells[part]]


def tables(lines: Sequence[Line], width: int) -> list[Table | Text]:
    """Tables beside each other as far as ``width`` columns go, below each other beyond."""
    if not lines:
        return [Text("no checkpoint is published for these models")]
    count = len(lines[0].cells)
    if count == _ONE:
        return [_single(lines), Text(), Text(MEMORY, "dim")]
    step = max(1, (width - _FIXED_WIDTH) // _CELL_WIDTH)
    found: list[Table | Text] = []
    for start in range(0, count, step):
        found += [_matrix(lines, slice(start, start + step)), Text()]
    return [*found, Text(f"{LEGEND} {MEMORY}", "dim")]


def _single(lines: Sequence[Line]) -> Table:
    """One accelerator, with words where there is no number."""
    numbers = ("CONTEXT", "WEIGHTS", "MEMORY", "DEVICES", "TOKENS/S")
    table = plain_table("MODEL", "FORMAT", *numbers, "KNOWN", right=numbers)
    for line in lines:
        (cell,) = line.cells
        speed = "-" if cell.tokens_per_second is None else f"{cell.tokens_per_second:.0f}"
        why = cell.known if cell.devices else f"{cell.reason}: {cell.number}"
        table.add_row(*_start(line), str(cell.devices or "-"), speed, why)
    return table


def _matrix(lines: Sequence[Line], part: slice) -> Table:
    names = [cell.accelerator for cell in lines[0].cells[part]]
    numbers = ("CONTEXT", "WEIGHTS", "MEMORY", *names)
    table = plain_table("MODEL", "FORMAT", *numbers, right=numbers)
    for line in lines:
        table.add_row(*_start(line), *_cells(line, part))
    return table


def _start(line: Line) -> tuple[str, ...]:
    weights, memory = gigabytes(line.checkpoint.bytes), gigabytes(line.memory_bytes)
    return line.model.name, line.checkpoint.quantization, str(line.context_length), weights, memory


def markdown(lines: Sequence[Line]) -> str:
    """One Markdown table."""
    names = [cell.accelerator for cell in lines[0].cells] if lines else []
    heading = ["model", "format", "context", "weights", "memory", *names]
    rows = [heading, ["---", "---", *["---:"] * (len(heading) - 2)]]
    rows += [[*_start(line), *_cells(line)] for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def records(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """One flat record per model, format and accelerator; None where there is no number."""
    return [
        {
            "model": line.model.name,
            "quantization": str(line.checkpoint.quantization),
            "contextLength": line.context_length,
            "weightBytes": line.checkpoint.bytes,
            "weightBytesKnown": line.checkpoint.size,
            "memoryBytes": line.memory_bytes,
            "accelerator": cell.accelerator,
            "devices": cell.devices,
            "tokensPerSecond": None if cell.tokens_per_second is None else round(cell.tokens_per_second, 1),
            "known": cell.known,
            "reason": cell.reason,
            "number": cell.number,
        }
        for line in lines
        for cell in line.cells
    ]


def as_csv(lines: Iterable[Line]) -> str:
    """The records with a header."""
    rows, text = records(lines), io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
