"""The constants that ship."""

from __future__ import annotations

import pytest

from qwen3_operator.catalog.performance import PerformanceConstant, performance_constants
from qwen3_operator.performance.coefficients import NAMES, coefficients
from tests.unit.performance.given import CATALOG, CONSTANTS


def test_every_constant_is_there_for_every_accelerator() -> None:
    found = coefficients(CONSTANTS, list(CATALOG.accelerators.values()))
    for name in NAMES:
        assert (getattr(found, name) > 0) if isinstance(getattr(found, name), float) else all(getattr(found, name) > 0)


def test_no_constant_is_there_that_nothing_reads() -> None:
    assert {name for name, _ in CONSTANTS.rows} - set(NAMES) == {"host_efficiency"}


def test_every_constant_lies_within_its_range_and_names_a_source() -> None:
    for row in CONSTANTS.rows.values():
        assert row.low <= row.high
        assert row.low * 0.5 < row.value < row.high * 2, row.name
        assert row.source


def test_efficiencies_are_below_what_the_device_can_do() -> None:
    for name in NAMES:
        if name.endswith("_efficiency"):
            assert all(0 < row.value <= 1 for key, row in CONSTANTS.rows.items() if key[0] == name), name


def test_an_accelerator_takes_its_own_row_before_its_family_s() -> None:
    rows = [_row("x", 1.0), _row("x", 2.0, accelerator="H20"), _row("x", 3.0, family="Ada")]
    found = performance_constants(rows)
    assert found.value("x", "H20", "Hopper") == 2.0
    assert found.value("x", "L40S", "Ada") == 3.0
    assert found.value("x", "T4", "Turing") == 1.0


def test_two_rows_for_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="x of Hopper occurs twice"):
        performance_constants([_row("x", 1.0), _row("x", 2.0)])


def _row(name: str, value: float, **fields: str) -> PerformanceConstant:
    raw = {"family": "Hopper", "value": value, "low": value, "high": value, "known": "measured", "source": "a test"}
    return PerformanceConstant.model_validate({"name": name, **raw, **fields})
