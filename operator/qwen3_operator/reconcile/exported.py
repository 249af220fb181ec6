"""What the operator's metrics say of each Qwen3Deployment: what alerts are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator import metrics
from qwen3_operator.api.status import ConditionStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.status import DeploymentStatus
    from qwen3_operator.reconcile.kinds import Key

_VALUES = {ConditionStatus.TRUE: 1, ConditionStatus.FALSE: 0, ConditionStatus.UNKNOWN: -1}


def export(key: Key, status: DeploymentStatus, targets: Mapping[str, float | None]) -> None:
    """Set its gauges.

    Args:
        key: The deployment.
        status: As it stands.
        targets: Seconds of spec.slo by name; None where there is none.
    """
    for condition in status.conditions:
        metrics.CONDITION.labels(*key, condition.type).set(_VALUES[condition.status])
    metrics.REPLICAS.labels(*key).set(sum(one.replicas for one in status.plan.placements) if status.plan else 0)
    metrics.READY_REPLICAS.labels(*key).set(status.ready_replicas)
    for target, seconds in targets.items():
        if seconds is None:
            metrics.TARGET.remove_by_labels({**_labels(key), "target": target})
        else:
            metrics.TARGET.labels(*key, target).set(seconds)


def forget(key: Key) -> None:
    """The deployment is gone."""
    for gauge in (metrics.CONDITION, metrics.REPLICAS, metrics.READY_REPLICAS, metrics.TARGET):
        gauge.remove_by_labels(_labels(key))


def _labels(key: Key) -> dict[str, str]:
    return {"namespace": key.namespace, "deployment": key.name}
