"""Alerts, runbooks and dashboards name what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from qwen3_operator.api.status import ConditionType
from qwen3_operator.autoscale.samples import QUERIES
from tests.unit.docs import dashboards
from tests.unit.docs.exported import OF_TARGETS, exported

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "charts/qwen3-operator/files/rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
EXPORTED = exported()
OF_RECORDED = frozenset({"namespace", "deployment", "percentile", "le"})
VARIABLE = re.compile(r"label_values\((.*), (\w+)\)")


def named(text: str) -> set[str]:
    """Series in a query."""
    return set(re.findall(r"\b(?:qwen3(?:_[a-z0-9_]+|:[a-z0-9_:]+)|process_[a-z_]+)", text))


def labels_of(name: str) -> frozenset[str]:
    return OF_RECORDED if name in RECORDED else EXPORTED[name] | OF_TARGETS


def chosen(text: str) -> Iterator[tuple[str, str, str]]:
    """Series, label and value of each matcher in a query."""
    for name, inside in re.findall(r"\b(qwen3[a-z0-9_:]+)\{([^}]*)\}", text):
        for label, value in re.findall(r'(\w+)(?:=~|!=|!~|=)"([^"]*)"', inside):
            yield name, label, value


def queries() -> Iterator[tuple[str, str]]:
    """All of the autoscaler, rules, panels and variables, by where they stand."""
    for name, query in QUERIES.items():
        yield f"autoscaler: {name}", query
    for rule in RULES:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path, text in dashboards.files().items():
        content = json.loads(text)
        for panel in content["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]
        for variable in content["templating"]["list"]:
            if variable["type"] == "query":
                yield f"{path.stem}: ${variable['name']}", variable["query"]


@pytest.mark.parametrize(("where", "query"), tuple(queries()), ids=lambda value: value[:40])
def test_every_series_of_a_query_is_exported_with_the_labels_that_it_names(where: str, query: str) -> None:
    found = named(query)
    assert found, where
    assert found <= EXPORTED.keys() | RECORDED
    there = frozenset[str]().union(*map(labels_of, found))
    if variable := VARIABLE.fullmatch(query):
        assert variable[2] in there
    for inside in re.findall(r"\b(?:by|on) \(([^)]*)\)", query):
        made = {"__name__", *(("deployment",) if "label_replace" in query else ())}
        assert set(inside.split(", ")) <= there | made
    for name, label, value in chosen(query):
        assert label in labels_of(name)
        assert label != "condition" or value in set(ConditionType)


def test_alerts_and_panels_read_every_recorded_series() -> None:
    read = {name for _, query in queries() for name in named(query)}
    assert read >= RECORDED


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    page = (ROOT / "docs/runbooks.md").read_text()
    sections = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert sections == [alert["alert"] for alert in ALERTS]
    for alert in ALERTS:
        assert alert["annotations"]["runbook"] == f"docs/runbooks.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in {"warning", "critical"}
        assert alert["annotations"]["summary"]
    for part in page.split("\n## ")[1:]:
        assert "- Look:" in part
        assert "- Do:" in part


@pytest.mark.parametrize("path", dashboards.files(), ids=lambda path: path.stem)
def test_the_dashboards_are_what_their_generator_writes(path: Path) -> None:
    assert path.read_text() == dashboards.files()[path]
