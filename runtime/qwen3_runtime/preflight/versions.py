"""Versions of driver and CANN: the files that hold them, and which go together. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = tuple[int, ...]

OLDEST_DRIVERS: Mapping[Version, str] = {(8, 5): "25.0", (9, 0): "25.0", (9, 1): "25.2", (9, 2): "25.3"}
"""Oldest Ascend HDK by CANN, from that CANN on: the tables of compatibility in the release notes of CANN 8.5.0, 9.1.0
and 9.2.0 (hiascend.com). Of older CANN nothing is said there."""
_CFG = re.compile(r"^toolkit_running_version=\[(?:[^:\]]*:)?([^\]]+)\]", re.MULTILINE)
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def parse_pairs(text: str) -> Mapping[str, str]:
    """``name=value`` lines: the driver's ``version.info`` and CANN's ``ascend_toolkit_install.info``."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def parse_cfg(text: str) -> str | None:
    """CANN's version out of its ``version.cfg``, which states it beside the toolkit's own number."""
    match = _CFG.search(text)
    return match[1] if match else None


def is_older(version: str, than: str) -> bool | None:
    """By the numbers that both have: ``9.0.RC1`` is not older than ``9.0.0``. None: one of them has no numbers."""
    one, other = _numbers(version), _numbers(than)
    if not one or not other:
        return None
    length = min(len(one), len(other))
    return one[:length] < other[:length]


def oldest_driver(cann: str) -> str | None:
    """The oldest driver that this CANN runs on; None where nothing is known."""
    numbers = _numbers(cann)[:2]
    known = [driver for first, driver in OLDEST_DRIVERS.items() if numbers >= first]
    return known[-1] if known else None


def _numbers(version: str) -> Version:
    """Numbers at the beginning."""
    match = _NUMBERS.match(version)
    return tuple(map(int, match[0].split("."))) if match else ()
