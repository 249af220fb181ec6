"""Alerts, runbooks and dashboards name what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import REGISTRY

from qwen3_operator import metrics
from qwen3_operator.autoscale.samples import QUERIES
from qwen3_runtime.engine_metrics import ENGINE_METRICS, Kind
from qwen3_runtime.gateway.metrics import Metrics as GatewayMetrics
from qwen3_runtime.metrics import Metrics as RuntimeMetrics
from tests.unit.docs import dashboards

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
HISTOGRAM = ("_bucket", "_sum", "_count")


def exported() -> Iterator[str]:
    """Names of series of the operator, the gateway and the pods."""
    assert metrics.LEADER, "the operator's are registered"
    for registry in (REGISTRY, GatewayMetrics().registry, RuntimeMetrics({}).registry):
        for family in registry.collect():
            if family.type == "counter":
                yield f"{family.name}_total"
            elif family.type == "histogram":
                yield from (family.name + part for part in HISTOGRAM)
            else:
                yield family.name
    for metric in ENGINE_METRICS:
        yield from (metric.name + part for part in HISTOGRAM) if metric.kind is Kind.HISTOGRAM else (metric.name,)


NAMES = frozenset(exported())


def named(text: str) -> set[str]:
    """Series in a query."""
    return set(re.findall(r"\bqwen3(?:_[a-z0-9_]+|:[a-z0-9_:]+)", text))


def queries() -> Iterator[tuple[str, str]]:
    for name, query in QUERIES.items():
        yield f"autoscaler: {name}", query
    for rule in RULES:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path, text in dashboards.files().items():
        for panel in json.loads(text)["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


@pytest.mark.parametrize(("where", "query"), tuple(queries()), ids=lambda value: value[:40])
def test_every_series_of_a_query_is_exported(where: str, query: str) -> None:
    found = named(query)
    assert found, where
    assert found <= NAMES | RECORDED


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
