"""Gauges of single deployments: they follow the status and go with the deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from qwen3_operator.api.intent import ServiceLevel
from qwen3_operator.api.status import Condition, ConditionStatus, StartupPhase
from qwen3_operator.reconcile.exported import count_steps, export, forget
from qwen3_operator.reconcile.kinds import Key
from qwen3_operator.reconcile.report import report
from qwen3_runtime.sources import WeightsOrigin
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
    export(KEY, report(observed(), NOW), ServiceLevel.model_validate({"timeToFirstToken": "2s"}))
    found = {(name, label): value for name, label, value in series()}
    assert found["qwen3_deployment_condition", "Planned"] == 1
    assert found["qwen3_deployment_condition", "Ready"] == 0
    assert found["qwen3_deployment_condition", "WeightsReady"] == -1
    assert found["qwen3_deployment_replicas", ""] == 2
    assert found["qwen3_deployment_ready_replicas", ""] == 0
    assert found["qwen3_deployment_target_seconds", "time_to_first_token"] == 2.0
    assert ("qwen3_deployment_target_seconds", "time_per_output_token") not in found
    export(KEY, report(observed(), NOW), ServiceLevel())
    assert "qwen3_deployment_target_seconds" not in {name for name, _, _ in series()}
    forget(KEY)
    assert list(series()) == []


def test_a_condition_that_is_no_more_says_nothing_more() -> None:
    blind = Condition(
        type="Autoscaling",
        status=ConditionStatus.FALSE,
        observed_generation=1,
        last_transition_time=NOW,
        reason="NoScrape",
        message="",
    )
    status = report(observed(), NOW)
    export(KEY, status.model_copy(update={"conditions": (*status.conditions, blind)}), None)
    assert ("qwen3_deployment_condition", "Autoscaling", 0) in series()
    export(KEY, status, None)
    assert "Autoscaling" not in {label for _, label, _ in series()}
    forget(KEY)


@pytest.mark.parametrize(("asked", "recorded"), [(50, "50"), (89, "75"), (95, "95"), (98, "95"), (99, "99")])
def test_a_target_names_the_recorded_percentile_that_is_not_above_its_own(asked: int, recorded: str) -> None:
    for percentile in (60, asked):
        slo = ServiceLevel.model_validate({"timeToFirstToken": "2s", "percentile": percentile})
        export(KEY, report(observed(), NOW), slo)
    labels = {"namespace": KEY.namespace, "deployment": KEY.name, "target": "time_to_first_token"}
    samples = [
        sample for family in REGISTRY.collect() for sample in family.samples if sample.labels.items() >= labels.items()
    ]
    assert [sample.labels["percentile"] for sample in samples] == [recorded]
    forget(KEY)


def step(phase: str, second: int, **changes: Any) -> StartupPhase:
    times = {"started_at": "2026-11-24T12:00:00Z", "finished_at": f"2026-11-24T12:00:{second:02}Z"}
    return StartupPhase(phase=phase, **(times | changes))


def measured(phase: str, weights: str) -> tuple[float, float]:
    """How many steps were measured so far, and their seconds."""
    name, labels = "qwen3_operator_startup_seconds", {"step": phase, "weights": weights}
    return tuple(REGISTRY.get_sample_value(f"{name}_{part}", labels) or 0 for part in ("count", "sum"))  # type: ignore[return-value]


def test_each_step_of_a_start_is_measured_once() -> None:
    fetched = step("WeightsFetched", 7, weights=WeightsOrigin.CACHE)
    running = step("EngineStarted", 0, finished_at=None)
    before = (*measured("WeightsFetched", "Cache"), *measured("EngineStarted", ""))
    count_steps([], [fetched, running])
    count_steps([fetched.to_json(), running.to_json()], [fetched, step("EngineStarted", 9)])
    after = (*measured("WeightsFetched", "Cache"), *measured("EngineStarted", ""))
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 7, 1, 9]
