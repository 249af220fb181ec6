"""Every panel shows something of an installation that has all series, and its queries are valid."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.rules import promtool
from tests.rules.healthy import CHAT, HEALTHY, LEADER, steady
from tests.unit.docs import dashboards

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(1800)
FILES = dashboards.files()
TROUBLE = {
    f'qwen3_deployment_condition{{{CHAT},condition="{kind}",{LEADER}}}': steady(0) for kind in ("Ready", "Autoscaling")
}
"""What some panels are empty without."""


def _queries(path: Path) -> Iterator[str]:
    """Of all panels, for one deployment."""
    for panel in json.loads(FILES[path])["panels"]:
        for target in panel["targets"]:
            query = re.sub(r"\$namespaces?", "team", target["expr"])
            yield query.replace("$deployment", "chat")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_is_empty_without_need(path: Path, program: Path, rules: Path, tmp_path: Path) -> None:
    expected = {f"count({query}) > bool 0": {"{}": 1.0} for query in _queries(path)}
    assert len(expected) >= 4
    promtool.run(program, rules, [promtool.values(path.stem, HEALTHY | TROUBLE, "20m", expected)], tmp_path)
