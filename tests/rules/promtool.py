"""The real promtool: what it says of rules, and the form in which it is told of series and expectations."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.kind import gobuild, versions
from tests.kind.steps import Steps
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

STEP = "30s"
"""Between two samples of a series, and between two evaluations of a rule."""
RUNBOOKS = "docs/runbooks.md"


@dataclass(frozen=True)
class Fired:
    """An alert that fires."""

    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Without its severity."""


@dataclass(frozen=True)
class Story:
    """Series, and what an alert does at times of them."""

    alert: str
    name: str
    series: Mapping[str, str]
    """Values in promtool's notation, say ``0+3x20``: 0, 3, 6 and so on, one each `STEP`."""
    at: Mapping[str, tuple[Fired, ...]]
    """By time after the first sample."""


def program() -> Path:
    """Its binary; built from the Go module proxy into the cache where missing (minutes, once)."""
    binary = gobuild.binaries(versions.PROMTOOL) / "promtool"
    if not binary.exists():
        with Steps().step("build promtool") as step:
            gobuild.build(versions.PROMTOOL, step)
    return binary


def check(binary: Path, rules: Path) -> None:
    """Syntax of queries, templates and groups; no rule twice."""
    _run([binary, "check", "rules", "--lint=all", "--lint-fatal", rules])


def run(binary: Path, rules: Path, tests: Iterable[dict[str, Any]], scratch: Path) -> None:
    """Evaluate the rules over the tests' series; raises AssertionError with promtool's words."""
    path = scratch / "tests.json"  # JSON is YAML
    content = {
        "rule_files": [str(rules)],
        "evaluation_interval": STEP,
        "fuzzy_compare": True,
        "tests": list(tests),
    }
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    _run([binary, "test", "rules", path])


def told(story: Story, severity: str) -> dict[str, Any]:
    """A story in promtool's form."""
    expected = [_look(story.alert, time, fired, severity) for time, fired in story.at.items()]
    return {**_given(story.name, story.series), "alert_rule_test": expected}


def silence(name: str, series: Mapping[str, str], alerts: Iterable[str], times: Iterable[str]) -> dict[str, Any]:
    """None of the alerts fires at any of the times."""
    expected = [_look(alert, time, (), "") for alert in alerts for time in times]
    return {**_given(name, series), "alert_rule_test": expected}


def values(
    name: str, series: Mapping[str, str], time: str, expected: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """What queries give, by query and series."""
    looks = [
        {
            "expr": query,
            "eval_time": time,
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        for query, samples in expected.items()
    ]
    return {**_given(name, series), "promql_expr_test": looks}


def _given(name: str, series: Mapping[str, str]) -> dict[str, Any]:
    lines = [{"series": one, "values": values} for one, values in series.items()]
    return {"name": name, "interval": STEP, "input_series": lines}


def _look(alert: str, time: str, fired: Iterable[Fired], severity: str) -> dict[str, Any]:
    return {
        "alertname": alert,
        "eval_time": time,
        "exp_alerts": [_expected(alert, one, severity) for one in fired],
    }


def _expected(alert: str, fired: Fired, severity: str) -> dict[str, Any]:
    runbook = f"{RUNBOOKS}#{alert.lower()}"
    return {
        "exp_labels": {**fired.labels, "severity": severity},
        "exp_annotations": {"summary": fired.summary, "runbook": runbook},
    }


def _run(words: list[str | Path]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
