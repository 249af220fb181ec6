"""What npu-smi printed on others' machines is read as they saw it."""

from __future__ import annotations

import pytest

from qwen3_runtime.preflight.found import Chip
from qwen3_runtime.preflight.smi import driver_version, parse_fields, parse_info, parse_mapping, with_board
from tests.unit.runtime.preflight.samples import recorded


@pytest.mark.parametrize(
    ("name", "driver", "count", "first"),
    [
        ("npu-smi-910b3.txt", "25.2.0", 8, Chip(0, 0, "910B3", 65536)),
        ("npu-smi-910b4.txt", "25.2.0", 8, Chip(0, 0, "910B4", 32768)),
        ("npu-smi-910b4-1.txt", "25.0.rc1.1", 8, Chip(0, 0, "910B4-1", 65536)),
        ("npu-smi-910c.txt", "24.1.rc3.7", 2, Chip(2, 0, "Ascend910", 65536)),
        ("npu-smi-310p3-duo.txt", "25.0.rc1.1", 2, Chip(8, 0, "310P3", 44280)),
    ],
)
def test_each_layout_gives_its_devices(name: str, driver: str, count: int, first: Chip) -> None:
    text = recorded(name)
    chips = parse_info(text)
    assert driver_version(text) == driver
    assert (len(chips), chips[0]) == (count, first)
    assert len({(chip.npu, chip.chip) for chip in chips}) == count


def test_both_chips_of_a_duo_card_have_their_own_memory() -> None:
    assert [(chip.chip, chip.memory_mib) for chip in parse_info(recorded("npu-smi-310p3-duo.txt"))] == [
        (0, 44280),
        (1, 43693),
    ]


def test_a_chip_that_is_not_well_keeps_its_word() -> None:
    text = recorded("npu-smi-910c.txt").replace("| OK            | - ", "| Alarm         | - ")
    assert [chip.health for chip in parse_info(text)] == ["OK", "Alarm"]


def test_rows_of_virtual_devices_are_no_chips() -> None:
    """As npu-smi prints them under a chip: two numbers, a health, no bus."""
    lines = recorded("npu-smi-910b3.txt").splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "0000:C1:00.0" in line)
    virtual = "| 0     0                   | OK            | 0                                0    / 0          |\n"
    text = "".join((*lines[: at + 1], virtual, *lines[at + 1 :]))
    assert parse_info(text) == parse_info(recorded("npu-smi-910b3.txt"))


@pytest.mark.parametrize(
    "text", ["", "npu-smi: command not found", recorded("npu-smi-used.txt"), "| a | b | c |\n" * 3]
)
def test_what_is_no_table_gives_nothing(text: str) -> None:
    assert parse_info(text) == ()
    assert parse_mapping(text) == ()
    assert driver_version(text) is None


def test_the_mapping_names_chips_and_not_the_boards_controller() -> None:
    assert parse_mapping(recorded("npu-smi-m-910b4.txt")) == (Chip(0, 0, "Ascend910B4"), Chip(1, 0, "Ascend910B4"))
    assert parse_mapping(recorded("npu-smi-m-910c.txt")) == (
        Chip(0, 0, "Ascend910"),
        Chip(0, 1, "Ascend910"),
        Chip(1, 0, "Ascend910"),
    )


def test_the_board_says_which_of_the_a3_chips_it_is() -> None:
    chips = parse_info(recorded("npu-smi-910c.txt"))
    named = with_board(chips, parse_fields(recorded("npu-smi-board-910c.txt")))
    assert {chip.name for chip in named} == {"Ascend910_9392"}
    assert with_board(chips, parse_fields(recorded("npu-smi-board-910b4.txt"))) == chips
