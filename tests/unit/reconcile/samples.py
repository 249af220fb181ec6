"""Pods as a kubelet reports them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.catalog import load_catalog
from qwen3_operator.manifests.render import render
from qwen3_operator.reconcile.observed import Observed, PhaseView, PodView
from qwen3_runtime.config import Phase, PhaseRecord, PhaseReport
from tests.unit.manifests.samples import deployment, plan, settings

if TYPE_CHECKING:
    from qwen3_operator.api.status import PlanStatus

CATALOG = load_catalog()
NOW = "2026-11-24T12:10:00Z"


def workloads(spec: dict[str, Any] | None = None, wanted: PlanStatus | None = None) -> tuple[dict[str, Any], ...]:
    """Rendered Deployments."""
    rendered = render(deployment(spec), wanted or plan(), settings(), CATALOG)
    return tuple(child for child in rendered if child["kind"] == "Deployment")


def pod(
    name: str = "chat-0",
    *,
    ready: bool = False,
    bound: bool = True,
    container: dict[str, Any] | None = None,
    workload: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """A pod of a workload's template; its container runs unless ``container`` says otherwise."""
    template = (workload or workloads()[0])["spec"]["template"]
    conditions = [{"type": "Ready", "status": str(ready)}]
    if bound:
        conditions.append({"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-24T12:00:02Z"})
    running = {"state": {"running": {"startedAt": "2026-11-24T12:00:05Z"}}, "restartCount": 0}
    return {
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-24T12:00:01Z",
            "labels": template["metadata"]["labels"],
            "annotations": template["metadata"]["annotations"],
        },
        "spec": {**template["spec"], **({"nodeName": "node-1"} if bound else {})},
        "status": {
            "phase": "Running" if bound else "Pending",
            "podIP": "10.0.0.9",
            "conditions": conditions,
            "containerStatuses": ([container or running]) if bound else [],
            **status,
        },
    }


def waiting(reason: str, message: str = "", last: dict[str, Any] | None = None) -> dict[str, Any]:
    """A container that waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"state": state, "restartCount": 0, "lastState": {"terminated": last} if last else {}}


def ended(reason: str, code: int, message: str = "") -> dict[str, Any]:
    """How a container ended."""
    return {"reason": reason, "exitCode": code, **({"message": message} if message else {})}


def phase(current: Phase, reason: str = "", message: str = "", **began: str) -> PhaseReport:
    """A report; ``began`` maps phases (by member name) to the beginning of each."""
    history = tuple(PhaseRecord(phase=Phase[name], started_at=start) for name, start in began.items())
    return PhaseReport(phase=current, reason=reason, message=message, history=history)


def view(raw: dict[str, Any], report: PhaseView = None, node: dict[str, Any] | None = None) -> PodView:
    """A pod with what is known of it."""
    return PodView(raw, report, node)


def observed(*pods: PodView, **changes: Any) -> Observed:
    """A deployment of two replicas with a plan, and these pods."""
    values: dict[str, Any] = {
        "deployment": deployment(),
        "plan": plan(),
        "failure": None,
        "desired": workloads(),
        "workloads": workloads(),
        "pods": pods,
    }
    return Observed(**{**values, **changes})
