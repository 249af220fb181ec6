"""README.md and docs/cli.md show what the commands print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from qwen3_operator.cli.main import MODULES
from tests.unit.cli.blocks import PAGE, PAGES, refreshed
from tests.unit.cli.samples import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)  # a dozen commands, each a process of its own
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_the_page_are_true(page: Path) -> None:
    """Numbers apart, which move with every better measurement: make docs-table renews them."""
    text = page.read_text()
    assert _words(refreshed(text)) == _words(text)


def test_the_first_object_of_the_readme_is_the_example_that_it_plans() -> None:
    text = (ROOT / "README.md").read_text()
    shown = re.search(r"## One object\n\n.*?\((docs/examples/\S+)\).*?```yaml\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    assert yaml.safe_load(shown[2]) == yaml.safe_load((ROOT / shown[1]).read_text())
    assert f"kubectl qwen3 plan -f {shown[1]} " in text
    assert (
        f"kubectl apply -f {shown[1]}\n$ kubectl qwen3 explain {yaml.safe_load(shown[2])['metadata']['name']} " in text
    )


def test_every_command_has_a_section() -> None:
    assert set(MODULES) == set(re.findall(r"^## (\w+)$", PAGE.read_text(), re.MULTILINE))


def _words(text: str) -> list[str]:
    """Without numbers, bars, and the width of columns."""
    return re.sub(r"[\d.]+|[█▏▎▍▌▋▊▉▐▕]+|[mc?]\b", "", text).split()
