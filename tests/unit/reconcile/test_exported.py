"""Gauges of single deployments: they follow the status and go with the deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from qwen3_operator.reconcile.exported import export, forget
from qwen3_operator.reconcile.kinds import Key
from qwen3_operator.reconcile.report import report
from tests.unit.reconcile.samples import NOW, observed

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = Key("team-a", "exported")


def series() -> Iterator[tuple[str, str, float]]:
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.labels.get("deployment") == KEY.name:
                yield sample.name, sample.labels.get("condition", sample.labels.get("target", "")), sample.value


def test_gauges_follow_the_status_and_go_with_the_deployment() -> None:
    export(KEY, report(observed(), NOW), {"time_to_first_token": 2.0, "time_per_output_token": None})
    found = {(name, label): value for name, label, value in series()}
    assert found["qwen3_deployment_condition", "Planned"] == 1
    assert found["qwen3_deployment_condition", "Ready"] == 0
    assert found["qwen3_deployment_condition", "WeightsReady"] == -1
    assert found["qwen3_deployment_replicas", ""] == 2
    assert found["qwen3_deployment_ready_replicas", ""] == 0
    assert found["qwen3_deployment_target_seconds", "time_to_first_token"] == 2.0
    assert ("qwen3_deployment_target_seconds", "time_per_output_token") not in found
    export(KEY, report(observed(), NOW), {"time_to_first_token": None, "time_per_output_token": None})
    assert "qwen3_deployment_target_seconds" not in {name for name, _, _ in series()}
    forget(KEY)
    assert list(series()) == []
