"""Events, as ``events.k8s.io/v1``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import API_VERSION
from qwen3_operator.api.deployment import KIND
from qwen3_operator.settings import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from qwen3_operator.reconcile.conditions import Transition

_MAX_NOTE = 1024
"""The API server refuses longer notes."""


def event(
    about: Mapping[str, Any],
    transition: Transition,
    instance: str,
    now: datetime,
    *,
    api_version: str = API_VERSION,
    kind: str = KIND,
) -> dict[str, Any]:
    """An Event about a Qwen3Deployment, or about an object of another kind.

    Args:
        about: The object that it is about.
        transition: What happened.
        instance: The operator replica that says so.
        now: Aware time in UTC.
        api_version: Of the object.
        kind: Of the object.
    """
    metadata = about["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name']}-", "namespace": metadata["namespace"]},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": FIELD_MANAGER,
        "reportingInstance": instance,
        "action": "Reconcile",
        "type": transition.type,
        "reason": transition.reason,
        "note": transition.message[:_MAX_NOTE],
        "regarding": {
            "apiVersion": api_version,
            "kind": kind,
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
    }
