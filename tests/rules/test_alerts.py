"""Alerts as the charts ship them, judged by promtool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.rules import promtool
from tests.rules.healthy import HEALTHY
from tests.rules.stories import NOBODY, STORIES
from tests.unit.docs.exported import OF_TARGETS, exported

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(1800)
"""promtool may have to be built."""
NAMES = tuple(dict.fromkeys(story.alert for story in STORIES))
EXPORTED = exported()


def test_both_charts_ship_the_same_valid_rules(program: Path, shipped: dict[str, str], tmp_path: Path) -> None:
    for chart, text in shipped.items():
        path = tmp_path / f"{chart}.yaml"
        path.write_text(text, encoding="utf-8")
        promtool.check(program, path)
    first, second = (yaml.safe_load(text) for text in shipped.values())
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_does_what_its_stories_tell(
    name: str, program: Path, rules: Path, alerts: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    severity = alerts[name]["labels"]["severity"]
    stories = [promtool.told(story, severity) for story in STORIES if story.alert == name]
    promtool.run(program, rules, stories, tmp_path)


def test_every_alert_has_stories_of_its_time_to_speak(alerts: dict[str, dict[str, Any]]) -> None:
    assert set(NAMES) == set(alerts)
    for name in NAMES:
        told = [fired for story in STORIES if story.alert == name for fired in story.at.values()]
        assert NOBODY in told, name
        assert any(told), name


def test_nothing_speaks_where_nothing_is_wrong(
    program: Path, rules: Path, alerts: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    promtool.run(program, rules, [promtool.silence("healthy", HEALTHY, alerts, ("40m", "70m"))], tmp_path)


def test_without_any_series_only_the_missing_operator_is_told_of(
    program: Path, rules: Path, alerts: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    quiet = set(alerts) - {"Qwen3OperatorNotLeading"}
    promtool.run(program, rules, [promtool.silence("nothing", {}, quiet, ("70m",))], tmp_path)


def test_series_of_the_stories_are_exported_as_they_stand_here() -> None:
    """A story of a series that nobody exports proves nothing."""
    given = {name for story in STORIES for name in story.series} | set(HEALTHY)
    for text in given:
        name, _, inside = text.partition("{")
        labels = set(re.findall(r'(\w+)="', inside))
        assert EXPORTED[name] <= labels | {"path"} <= EXPORTED[name] | OF_TARGETS | {"path"}, text
