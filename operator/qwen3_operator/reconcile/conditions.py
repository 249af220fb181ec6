"""The conditions, and the Events that their transitions make. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.api.status import Condition, ConditionStatus, ConditionType
from qwen3_operator.reconcile.adapters import PENDING, adapter_statuses, adapters_verdict
from qwen3_operator.reconcile.diagnose import STARTING, Diagnosis, diagnose, worst
from qwen3_operator.reconcile.observed import Failure, Observed, PodView, Verdict, condition
from qwen3_operator.reconcile.outdated import CURRENT
from qwen3_operator.reconcile.remedy import with_remedy
from qwen3_runtime.config import AdapterState, Phase, PhaseReport, TerminationReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen3_operator.api.status import PlanStatus

_BEYOND_WEIGHTS = frozenset({Phase.STARTING_ENGINE, Phase.WARMING_UP, Phase.READY, Phase.DRAINING})
_ENGINE_STARTED = frozenset(
    {TerminationReason.ENGINE_START_FAILED, TerminationReason.ENGINE_DIED, TerminationReason.ENGINE_HUNG}
)
WITHOUT_ALARM = frozenset(
    {
        *(STARTING, "Rolling", "ScaledToZero", "WaitingForPods", CURRENT.reason, "NothingBetter"),
        *(PENDING, AdapterState.FETCHING, AdapterState.LOADING, AdapterState.UNLOADING),
    }
)
"""Reasons of a False condition that ask nothing of anybody."""


class Transition(NamedTuple):
    """An Event to post."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str


def judge(observed: Observed) -> dict[ConditionType, Verdict]:
    """All conditions of a deployment.

    PlanOutdated only where there is a plan, Offered only with spec.tenants, Autoscaling unless its mode is Off,
    AdaptersServed only where there are any.
    """
    findings = _findings(observed)
    problem = observed.failure or observed.apply_failure or _replica_failure(observed)
    finding = worst(findings)
    verdicts = {
        ConditionType.PLANNED: _planned(observed),
        ConditionType.SCHEDULED: _scheduled(observed, findings),
        ConditionType.WEIGHTS_READY: _weights(observed, findings),
        ConditionType.READY: _ready(observed, problem, finding),
    }
    if observed.plan is not None:
        verdicts[ConditionType.PLAN_OUTDATED] = observed.outdated or _kept_verdict(observed, observed.plan)
    if "tenants" in observed.deployment["spec"] and (offered := observed.offered or _stored_offer(observed)):
        verdicts[ConditionType.OFFERED] = offered
    if scaling := _autoscaling(observed):
        verdicts[ConditionType.AUTOSCALING] = scaling
    if statuses := adapter_statuses(observed):
        verdicts[ConditionType.ADAPTERS_SERVED] = adapters_verdict(statuses)
    return verdicts


def _findings(observed: Observed) -> list[Diagnosis]:
    """What stands between pods and serving, in the words of the spec."""
    found = [finding for view in observed.updated if (finding := diagnose(view)) is not None]
    if observed.plan is None:
        return found
    return [with_remedy(finding, observed.deployment["spec"], observed.plan.model) for finding in found]


def stamp(
    verdicts: Iterable[tuple[str, Verdict]], previous: Iterable[Mapping[str, Any]], generation: int, now: str
) -> tuple[Condition, ...]:
    """Add times to (type, verdict): ``lastTransitionTime`` moves only when the status does."""
    before = {entry["type"]: entry for entry in previous}
    return tuple(
        Condition(
            type=kind,
            status=verdict.status,
            observed_generation=generation,
            last_transition_time=_since(before.get(kind), verdict.status, now),
            reason=verdict.reason,
            message=verdict.message,
        )
        for kind, verdict in verdicts
    )


def transitions(previous: Iterable[Mapping[str, Any]], current: Sequence[Condition]) -> tuple[Transition, ...]:
    """What is worth an Event: a condition that became True, or False for a reason that it had not before."""
    before = {entry["type"]: (entry["status"], entry["reason"]) for entry in previous}
    found: list[Transition] = []
    for entry in current:
        if before.get(entry.type) == (entry.status, entry.reason) or entry.status is ConditionStatus.UNKNOWN:
            continue
        if entry.status is ConditionStatus.TRUE:
            found.append(Transition("Normal", entry.type, entry.message))
        elif entry.reason not in WITHOUT_ALARM and entry.message not in {known.message for known in found}:
            found.append(Transition("Warning", entry.reason, entry.message))
    return tuple(found)


def _since(before: Mapping[str, Any] | None, status: ConditionStatus, now: str) -> str:
    return str(before["lastTransitionTime"]) if before and before["status"] == status else now


def _planned(observed: Observed) -> Verdict:
    if observed.failure is not None or observed.plan is None:
        failure = observed.failure or Failure("NotPlanned", "not planned yet")
        return Verdict(ConditionStatus.FALSE, failure.reason, failure.message)
    return Verdict(ConditionStatus.TRUE, "Planned", observed.plan.summary)


def _kept_verdict(observed: Observed, plan: PlanStatus) -> Verdict:
    """Before somebody has looked at a plan: what was said of it last; a new plan is what the planner chooses."""
    stored = observed.previous.get("plan", {}).get("summary")
    known = condition({"status": observed.previous}, ConditionType.PLAN_OUTDATED)
    if not known or stored != plan.summary:
        return CURRENT
    return Verdict(ConditionStatus(known["status"]), known["reason"], known["message"])


def _stored_offer(observed: Observed) -> Verdict | None:
    """Before somebody has looked: what was said of it last."""
    known = condition({"status": observed.previous}, ConditionType.OFFERED)
    return Verdict(ConditionStatus(known["status"]), known["reason"], known["message"]) if known else None


def _autoscaling(observed: Observed) -> Verdict | None:
    """Before the autoscaler has looked: what was said last."""
    if observed.scaling is not None:
        return observed.scaling.verdict
    if observed.deployment["spec"].get("scaling", {}).get("mode", "Off") == "Off":
        return None
    known = condition({"status": observed.previous}, ConditionType.AUTOSCALING)
    if not known:
        return Verdict(ConditionStatus.UNKNOWN, "NotDecided", "nothing was decided yet")
    return Verdict(ConditionStatus(known["status"]), known["reason"], known["message"])


def _scheduled(observed: Observed, findings: Sequence[Diagnosis]) -> Verdict:
    if unknown := _nothing_to_judge(observed):
        return unknown
    if failed := _failed(findings, ConditionType.SCHEDULED):
        return failed
    bound = sum(view.is_bound for view in observed.updated if view.is_active)
    message = f"{bound} of {observed.wanted_pods} pods have a node"
    if bound >= observed.wanted_pods:
        return Verdict(ConditionStatus.TRUE, "Scheduled", message)
    return Verdict(ConditionStatus.UNKNOWN, "WaitingForPods", message)


def _weights(observed: Observed, findings: Sequence[Diagnosis]) -> Verdict:
    if unknown := _nothing_to_judge(observed):
        return unknown
    if failed := _failed(findings, ConditionType.WEIGHTS_READY):
        return failed
    if any(_has_weights(view) for view in observed.updated):
        return Verdict(ConditionStatus.TRUE, "Complete", "the weights are complete and belong to the model")
    return Verdict(ConditionStatus.UNKNOWN, "NotChecked", "no pod has checked the weights yet")


def _ready(observed: Observed, problem: Failure | None, finding: Diagnosis | None) -> Verdict:
    ready = sum(view.is_ready for view in observed.updated)
    serving = sum(view.is_ready for view in observed.pods)
    if problem is None and observed.wanted == 0:
        return Verdict(ConditionStatus.FALSE, "ScaledToZero", _why_zero(observed))
    if problem is None and ready >= observed.wanted:
        return Verdict(ConditionStatus.TRUE, "Serving", f"{observed.wanted} of {observed.wanted} replicas serve")
    reason, message = _obstacle(problem, finding, rolling=serving > ready)
    if serving:
        message = f"{message.rstrip('.')}; {serving} {'replica keeps' if serving == 1 else 'replicas keep'} serving"
    return Verdict(ConditionStatus.FALSE, reason, message)


def _obstacle(problem: Failure | None, finding: Diagnosis | None, *, rolling: bool) -> tuple[str, str]:
    if problem is not None:
        return problem.reason, problem.message
    if finding is not None and (finding.is_failure or not rolling):
        return finding.reason, finding.message
    if rolling:
        return "Rolling", "pods of the new revision are starting"
    return "WaitingForPods", "pods are being created"


def _nothing_to_judge(observed: Observed) -> Verdict | None:
    if observed.failure is not None or observed.plan is None:
        return Verdict(ConditionStatus.UNKNOWN, "NotPlanned", "there is no plan for the current spec")
    if observed.wanted == 0:
        return Verdict(ConditionStatus.UNKNOWN, "ScaledToZero", _why_zero(observed))
    return None


def _why_zero(observed: Observed) -> str:
    return "asleep: there was no request for a while" if observed.is_scaled else "spec.replicas is 0"


def _failed(findings: Sequence[Diagnosis], kind: ConditionType) -> Verdict | None:
    found = worst(finding for finding in findings if finding.is_failure and finding.condition is kind)
    return Verdict(ConditionStatus.FALSE, found.detail or found.reason, found.message) if found else None


def _has_weights(view: PodView) -> bool:
    """It serves, its runtime is past the check, or its engine was started, which comes after the check."""
    if view.is_up or (isinstance(view.phase, PhaseReport) and view.phase.phase in _BEYOND_WEIGHTS):
        return True
    ended = view.container.get("lastState", {}).get("terminated") or view.container.get("state", {}).get("terminated")
    reason = (ended or {}).get("message", "").partition(":")[0]
    return reason in _ENGINE_STARTED


def _replica_failure(observed: Observed) -> Failure | None:
    """The controller may not create pods: quota, Pod Security, an admission webhook."""
    names = {workload["metadata"]["name"] for workload in observed.desired}
    for workload in observed.workloads:
        found = condition(workload, "ReplicaFailure")
        if workload["metadata"]["name"] in names and found.get("status") == "True":
            return Failure("PodsRefused", f"pods cannot be created: {found.get('message', '')}")
    return None
