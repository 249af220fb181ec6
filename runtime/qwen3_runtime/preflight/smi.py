"""What ``npu-smi`` prints, read. Pure.

Layouts were read in outputs of npu-smi 24.1 to 25.2 (tests/unit/runtime/preflight/data). A line of another form is
passed by, so that a new layout gives nothing rather than something wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from qwen3_runtime.preflight.found import Chip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION = re.compile(r"^\| npu-smi \S+\s+Version: (\S+)", re.MULTILINE)
_HEAD = re.compile(r"^(\d+)\s+(\S+)$")
_CHIP = re.compile(r"^(\d+)(?:\s+\d+)?$")
_BUS = re.compile(r"^([0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:\S+|NA)$")
_USAGE = re.compile(r"(\d+)\s*/\s*(\d+)")
_CELLS = 3
_MAPPED = 4
"""Columns of ``npu-smi info -m`` at least: NPU, chip, logic id (and, on A3, physical id), name."""


def driver_version(text: str) -> str | None:
    """Of ``npu-smi info``: the driver's version, which stands in the first row."""
    match = _VERSION.search(text)
    return match[1] if match else None


def parse_info(text: str) -> tuple[Chip, ...]:
    """Of ``npu-smi info``: a row with NPU and name, and under it one with the chip, for each device.

    Virtual devices and processes have rows of the first form and no second one.
    """
    return tuple(_chips(text))


def parse_mapping(text: str) -> tuple[Chip, ...]:
    """Of ``npu-smi info -m``: chips by name, without memory and health. The board's controller (Mcu) is none."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < _MAPPED or not words[0].isdigit() or not words[1].isdigit() or words[2] == "-":
            continue
        name = "".join(word for word in words[3:] if not word.isdigit())
        found.append(Chip(int(words[0]), int(words[1]), name))
    return tuple(found)


def parse_fields(text: str) -> Mapping[str, str]:
    """Of ``npu-smi info -t board -i N -c N`` and others of that form: values by name."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def with_board(chips: tuple[Chip, ...], board: Mapping[str, str]) -> tuple[Chip, ...]:
    """A3 chips are all called ``Ascend910``; the board adds which: ``Ascend910_9392``."""
    kind, which = board.get("Chip Name", ""), board.get("NPU Name", "")
    if not kind or not which:
        return chips
    return tuple(replace(chip, name=f"{kind}_{which}") if chip.name == kind else chip for chip in chips)


def _chips(text: str) -> Iterator[Chip]:
    head: tuple[int, str, str] | None = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != _CELLS:
            continue
        first, second, third = cells
        if head and (chip := _CHIP.match(first)) and _BUS.match(second):
            npu, name, health = head
            yield Chip(npu, int(chip[1]), name, _memory(third), health)
        elif match := _HEAD.match(first):
            head = (int(match[1]), match[2], second)


def _memory(cell: str) -> int | None:
    """The last pair: HBM where there is any, else the chip's memory."""
    pairs = _USAGE.findall(cell)
    return int(pairs[-1][1]) if pairs and int(pairs[-1][1]) else None
