"""What people see of a decision: status, the list of changes, the condition. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qwen3_operator.api.decision import Change, Decision, Observed
from qwen3_operator.api.scaling import ScalingMode
from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.autoscale.bounded import bounded, in_force, stamp
from qwen3_operator.autoscale.step import DEMAND, IDLE, MANUAL
from qwen3_operator.reconcile.conditions import Transition
from qwen3_operator.reconcile.observed import Verdict
from qwen3_operator.scaling import Rule, Seen, Stop
from qwen3_operator.scaling.schedules import problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.api.scaling import Scaling
    from qwen3_operator.autoscale.step import Moment, Outcome
    from qwen3_operator.scaling import Decision as Scale

KEPT = 10
"""Changes in the status; the rest is in the operator's metrics and Events."""
RENEW_SECONDS = 300.0
"""After which a decision is written though it says nothing new: a write in ten seconds for each deployment would be
most of what the API server does."""


def shown(outcome: Outcome, moment: Moment) -> Decision:
    """The decision as it stands in the status."""
    decision, observation = outcome.decision, outcome.found.observation
    seeing, manual = decision.observed, outcome.memory.manual
    is_held = outcome.rule == MANUAL
    return Decision(
        at=stamp(moment.now),
        next_at=stamp(decision.next_at),
        seen=tuple(seen.value for seen in decision.seen),
        observed=Observed(
            work="" if seeing.work is None else f"{seeing.work:.2f}",
            level=f"{seeing.level:.2f}",
            headroom=f"{seeing.headroom:.2f}",
            waiting=round(seeing.waiting),
            in_flight=round(outcome.found.in_flight or 0),
            late_share=f"{seeing.late_share:.1%}",
            time_to_first_token=_milliseconds(observation.time_to_first_token),
            time_per_output_token=_milliseconds(observation.time_per_output_token),
        ),
        rule=outcome.rule,
        wanted=f"{decision.wanted:.2f}",
        granted=dict(outcome.granted),
        stopped=tuple(stop.value for stop in decision.stopped),
        quota=_quota(decision, moment),
        bounds=in_force(outcome.bounds) if moment.spec.scaling.schedules else None,
        corrected={
            pool: f"{one.factor:.2f}"
            for pool, one in outcome.memory.corrections.items()
            if one.factor != 1 and not moment.spec.scaling.replica_capacity
        },
        manual_until=stamp(manual.until) if is_held else None,
    )


def is_news(before: Decision | None, after: Decision, now: float) -> bool:
    """Whether the status should be written for it."""
    if before is None or abs(_age(before, now)) >= RENEW_SECONDS:
        return True
    told = ("seen", "rule", "granted", "stopped", "bounds", "corrected", "manual_until")
    return any(getattr(before, name) != getattr(after, name) for name in told)


def change(before: Mapping[str, int], outcome: Outcome, moment: Moment) -> Change | None:
    """The entry for the list of changes; None where the number of replicas stays, or nobody acts on it."""
    old, new = sum(before.values()), sum(outcome.granted.values())
    if not outcome.applies or dict(before) == dict(outcome.granted):
        return None
    return Change(at=stamp(moment.now), before=old, after=new, rule=outcome.rule, reason=_reason(outcome, moment))


def kept(newest: Change, before: Sequence[Change]) -> tuple[Change, ...]:
    """The last ten, the newest first."""
    return (newest, *before)[:KEPT]


def told(entry: Change) -> Transition:
    """The Event of a change."""
    word = "ScaledUp" if entry.after > entry.before else "ScaledDown" if entry.after < entry.before else "Moved"
    return Transition("Normal", word, f"{entry.before} -> {entry.after} replicas: {entry.reason}")


def verdict(outcome: Outcome, moment: Moment, trouble: str) -> Verdict:
    """The condition ``Autoscaling``.

    Args:
        outcome: Of the last look.
        moment: That it was made from.
        trouble: Why Prometheus gave no answers; empty where it did.
    """
    scaling, decision = moment.spec.scaling, outcome.decision
    if outcome.rule == MANUAL:
        until = stamp(outcome.memory.manual.until)
        message = f"spec.replicas was set to {moment.spec.replicas} by somebody else and holds until {until}"
        return Verdict(ConditionStatus.TRUE, "ManualHold", message)
    wrong = _wrong_schedule(scaling)
    if outcome.rule == IDLE and outcome.applies:
        return wrong or Verdict(
            ConditionStatus.TRUE,
            "Asleep",
            f"no request for {scaling.idle_limit} s; the next one at the gateway wakes it",
        )
    if blind := _blind(decision, moment, trouble):
        return blind
    if wrong:
        return wrong
    if Stop.TARGET_UNREACHABLE in decision.stopped:
        message = "a single request misses spec.slo on every placement: more replicas do not help"
        return Verdict(ConditionStatus.TRUE, "TargetUnreachable", message)
    reason, words = {
        ScalingMode.AUTO: ("Deciding", "replicas follow the work that arrives"),
        ScalingMode.ADVISE: ("Advising", "status.decision says what mode Auto would do; spec.replicas is what runs"),
        ScalingMode.EXTERNAL: (
            "External",
            "an autoscaler of your own decides; the operator never touches the replicas",
        ),
    }[scaling.mode]
    within = outcome.bounds
    words += f", between {within.min_replicas} and {within.max_replicas}{bounded(within)}"
    return Verdict(ConditionStatus.TRUE, reason, words)


def _wrong_schedule(scaling: Scaling) -> Verdict | None:
    """Schedules that cannot be followed; None where all can."""
    if not (wrong := problems(scaling.schedules)):
        return None
    message = f"{'; '.join(wrong)}; it is left out, and replicas follow the other bounds"
    return Verdict(ConditionStatus.TRUE, "InvalidSchedule", message)


def _blind(decision: Scale, moment: Moment, trouble: str) -> Verdict | None:
    """Why there are no numbers; None where there are."""
    if trouble:
        return Verdict(ConditionStatus.FALSE, "PrometheusFailed", f"{trouble}; the last scale holds")
    if Seen.NO_SCRAPE in decision.seen and any(fleet.ready for fleet in moment.fleet.fleets) and moment.fleet.serving:
        message = "Prometheus has no metrics of pods that serve: let it scrape them; the last scale holds"
        return Verdict(ConditionStatus.FALSE, "NoScrape", message)
    return None


def _age(decision: Decision, now: float) -> float:
    return now - datetime.fromisoformat(decision.at).timestamp()


def _reason(outcome: Outcome, moment: Moment) -> str:
    decision = outcome.decision
    if outcome.rule == IDLE:
        return f"no request for {moment.spec.scaling.idle_limit} s"
    if outcome.rule == DEMAND:
        return "a request waits in the gateway"
    seeing = decision.observed
    words = f"work of {seeing.level:.2f} replicas and headroom of {seeing.headroom:.2f}"
    if decision.rule is Rule.BACKLOG:
        words += f", and {seeing.waiting:.0f} requests wait"
    if decision.rule is Rule.LATENCY:
        words += ", and latency is above its target"
    if decision.rule is Rule.HOLD:
        words = "the bounds of spec.scaling"
    within = outcome.bounds
    if not within.min_replicas < decision.replicas < within.max_replicas:
        words += bounded(within)
    stopped = ", ".join(stop.value for stop in decision.stopped)
    if quota := _quota(decision, moment):
        stopped += f": {quota}"
    return words + (f" ({stopped})" if stopped else "")


def _quota(decision: Scale, moment: Moment) -> str:
    """What a quota leaves, where that is what stopped more; empty where it did not."""
    if Stop.QUOTA_EXCEEDED not in decision.stopped:
        return ""
    return "; ".join(dict.fromkeys(one.quota for one in moment.capacities if one.quota))


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.0f}ms" if seconds >= 0.01 else f"{seconds * 1e3:.1f}ms"  # noqa: PLR2004
