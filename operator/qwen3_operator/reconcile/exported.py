"""What the operator's metrics say of each Qwen3Deployment: what alerts are made from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator import metrics
from qwen3_operator.api.status import ConditionStatus, ConditionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.api.intent import ServiceLevel
    from qwen3_operator.api.status import DeploymentStatus, StartupPhase
    from qwen3_operator.reconcile.kinds import Key

_VALUES = {ConditionStatus.TRUE: 1, ConditionStatus.FALSE: 0, ConditionStatus.UNKNOWN: -1}
PERCENTILES = (50, 75, 90, 95, 99)
"""Those of the time to the first token that the chart's rules record: PromQL takes no percentile out of a series."""


def export(key: Key, status: DeploymentStatus, slo: ServiceLevel | None) -> None:
    """Set its gauges.

    Args:
        key: The deployment.
        status: As it stands.
        slo: spec.slo; None where it cannot be read.
    """
    values = {condition.type: _VALUES[condition.status] for condition in status.conditions}
    for kind in ConditionType:
        if kind in values:
            metrics.CONDITION.labels(*key, kind).set(values[kind])
        else:
            metrics.CONDITION.remove(*key, kind)  # Autoscaling with mode Off: its last word must not stay
    metrics.REPLICAS.labels(*key).set(sum(one.replicas for one in status.plan.placements) if status.plan else 0)
    metrics.READY_REPLICAS.labels(*key).set(status.ready_replicas)
    metrics.TARGET.remove_by_labels(_labels(key))
    if slo is not None:
        _export_targets(key, slo)


def count_steps(before: Iterable[Mapping[str, Any]], startup: Iterable[StartupPhase]) -> None:
    """Measure the steps of a start that ended since the status was written ``before``."""
    known = {(step["phase"], step.get("finishedAt")) for step in before}
    for step in startup:
        if step.finished_at and (step.phase, step.finished_at) not in known:
            length = datetime.fromisoformat(step.finished_at) - datetime.fromisoformat(step.started_at)
            metrics.STARTUP_SECONDS.labels(step.phase, step.weights or "").observe(length.total_seconds())


def forget(key: Key) -> None:
    """The deployment is gone."""
    for gauge in (metrics.CONDITION, metrics.REPLICAS, metrics.READY_REPLICAS, metrics.TARGET):
        gauge.remove_by_labels(_labels(key))


def _export_targets(key: Key, slo: ServiceLevel) -> None:
    percentile = max(one for one in PERCENTILES if one <= slo.percentile)
    targets = {"time_to_first_token": slo.first_token_seconds, "time_per_output_token": slo.output_token_seconds}
    for target, seconds in targets.items():
        if seconds is not None:
            metrics.TARGET.labels(*key, target, percentile).set(seconds)


def _labels(key: Key) -> dict[str, str]:
    return {"namespace": key.namespace, "deployment": key.name}
