"""Versions as the files have them, and which driver goes with which CANN."""

from __future__ import annotations

import pytest

from qwen3_runtime.preflight.versions import is_older, oldest_driver, parse_cfg, parse_pairs
from tests.unit.runtime.preflight.samples import recorded


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("driver-24.1.rc1.txt", "Version", "24.1.rc1"),
        ("driver-25.3.rc1.txt", "Version", "25.3.rc1"),
        ("cann-8.1.RC1-x86_64.txt", "version", "8.1.RC1"),
        ("cann-8.1.RC1-x86_64.txt", "arch", "x86_64"),
        ("cann-8.5.0-aarch64.txt", "version", "8.5.0"),
        ("cann-8.5.0-aarch64.txt", "arch", "aarch64"),
    ],
)
def test_files_of_driver_and_toolkit(name: str, field: str, value: str) -> None:
    assert parse_pairs(recorded(name))[field] == value


def test_the_cfg_states_the_release_after_the_toolkits_own_number() -> None:
    assert parse_cfg(recorded("cann-8.0.0.cfg")) == "8.0.0"
    assert parse_cfg("toolkit_running_version=[8.5.2]\n") == "8.5.2"
    assert parse_cfg("runtime_running_version=[7.6.0.1.220:8.0.0]\n") is None


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [
        ("8.5.0", "9.0.0", True),
        ("9.0.0", "9.0.0", False),
        ("9.0.0-beta.2", "9.0.0", False),
        ("9.0.RC1", "9.0.0", False),
        ("9.1.0", "9.0.0", False),
        ("24.1.rc3.7", "25.0", True),
        ("25.0.rc1.1", "25.0", False),
        ("25.10.0", "25.2", False),
        ("unknown", "25.0", None),
    ],
)
def test_versions_are_compared_by_the_numbers_that_both_have(version: str, than: str, *, older: bool | None) -> None:
    assert is_older(version, than) is older


@pytest.mark.parametrize(
    ("cann", "driver"),
    [("8.2.RC1", None), ("8.5.0", "25.0"), ("9.0.0", "25.0"), ("9.1.0", "25.2"), ("9.2.0", "25.3"), ("9.9.0", "25.3")],
)
def test_the_oldest_driver_of_a_cann(cann: str, driver: str | None) -> None:
    assert oldest_driver(cann) == driver
