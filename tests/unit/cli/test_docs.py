"""README.md and docs/cli.md show what the commands print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.cli.main import MODULES
from tests.unit.cli.blocks import PAGE, PAGES, refreshed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)  # a dozen commands, each a process of its own
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_the_page_are_true(page: Path) -> None:
    """Numbers apart, which move with every better measurement: make docs-table renews them."""
    text = page.read_text()
    assert _words(refreshed(text)) == _words(text)


def test_every_command_has_a_section() -> None:
    assert set(MODULES) == set(re.findall(r"^## (\w+)$", PAGE.read_text(), re.MULTILINE))


def _words(text: str) -> list[str]:
    """Without numbers, bars, and the width of columns."""
    return re.sub(r"[\d.]+|[█▏▎▍▌▋▊▉▐▕]+|[mc?]\b", "", text).split()
