"""``step``: one look at one deployment, from what is seen to replicas and what is remembered. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwen3_operator.api.scaling import ScalingMode
from qwen3_operator.autoscale.observe import Expected, observe
from qwen3_operator.scaling import Policy, decide
from qwen3_operator.scaling.schedules import ahead_of, bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.autoscale.fleet import FleetView
    from qwen3_operator.autoscale.memory import Memory
    from qwen3_operator.autoscale.observe import Found
    from qwen3_operator.autoscale.samples import Place, Samples
    from qwen3_operator.scaling import Capacity, Decision
    from qwen3_operator.scaling.schedules import Bounds

IDLE, DEMAND, MANUAL = "Idle", "Demand", "Manual"
"""Rules beside those of ``decide``."""


@dataclass(frozen=True, slots=True)
class Moment:
    """All that one look is made from."""

    place: Place
    """Namespace and name."""
    spec: DeploymentSpec
    fleet: FleetView
    samples: Samples | None
    capacities: tuple[Capacity, ...]
    demanded_at: float | None
    """Seconds since the epoch when a request last waited for the deployment to wake."""
    now: float
    """Seconds since the epoch."""
    request: tuple[int, int]
    """Tokens of a typical request's prompt and answer."""
    gateways: frozenset[str] | None = None
    """Pods of the gateway whose metrics must be there by now; None: it does not route to the deployment."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a look leads to."""

    memory: Memory
    decision: Decision
    """Of ``decide``."""
    found: Found
    rule: str
    granted: Mapping[str, int]
    """Replicas by pool that should run; in modes other than Auto and under a manual hold nobody acts on it."""
    bounds: Bounds
    """That held."""
    applies: bool
    """Whether the operator sets the replicas."""


def step(memory: Memory, moment: Moment) -> Outcome:
    """Observe, decide, and put zero and people's changes over it."""
    spec, now = moment.spec, moment.now
    manual = memory.manual.seeing(spec, now)
    startup = {**memory.startup, **moment.fleet.startup}
    found = observe(
        moment.place,
        moment.fleet,
        moment.samples,
        memory.totals,
        expected=_expected(moment),
        gateways=moment.gateways,
        now=now,
    )
    within = bounds(spec.scaling, now, ahead_of(moment.capacities))
    policy = _policy(spec, within)
    decision, state = decide(policy, found.observation, memory.state, moment.capacities, now)
    active_at = _active_at(memory, moment, found)
    held = manual.holds(now) and spec.scaling.mode is ScalingMode.AUTO
    rule, granted = _with_zero(moment, decision, active_at, within)
    return Outcome(
        memory=replace(memory, manual=manual, active_at=active_at, state=state, totals=found.totals, startup=startup),
        decision=decision,
        found=found,
        rule=MANUAL if held else rule,
        granted=_counts(moment) if held else granted,
        bounds=within,
        applies=spec.scaling.mode is ScalingMode.AUTO and not held,
    )


def _active_at(memory: Memory, moment: Moment, found: Found) -> float:
    """When a request was there last, or might have been.

    Nobody looked at a span as long as the idle time, of which a step of the clock makes one too.
    """
    now, before = moment.now, memory.state.at
    active_at = min(memory.active_at, now)
    watched = before is None or 0 <= now - before < moment.spec.scaling.idle_limit
    if not (_is_asleep(moment) or (found.is_quiet and watched)):
        active_at = now
    return max(active_at, _demanded_at(moment) or active_at)


def _demanded_at(moment: Moment) -> float | None:
    """When a request last waited, if that is not long ago.

    Nor long ahead, as it is when the clock was set back: that would wake for hours.
    """
    at, now = moment.demanded_at, moment.now
    return min(at, now) if at is not None and abs(now - at) < moment.spec.scaling.idle_limit else None


def _with_zero(moment: Moment, decision: Decision, active_at: float, within: Bounds) -> tuple[str, dict[str, int]]:
    """Nothing at all after the idle time; from nothing the least that serves, as soon as somebody waits.

    At zero there are no engines and so no metrics: only demand that is reported wakes, or a schedule.
    """
    if within.min_replicas > 0:
        return decision.rule, decision.granted
    is_idle = moment.now - active_at >= moment.spec.scaling.idle_limit
    if _is_asleep(moment):
        return (DEMAND, decision.granted) if _demanded_at(moment) is not None else (IDLE, _counts(moment))
    return (IDLE, dict.fromkeys(decision.granted, 0)) if is_idle else (decision.rule, decision.granted)


def _is_asleep(moment: Moment) -> bool:
    return not any(fleet.replicas for fleet in moment.fleet.fleets)


def _counts(moment: Moment) -> dict[str, int]:
    return {fleet.placement: fleet.replicas for fleet in moment.fleet.fleets}


def _policy(spec: DeploymentSpec, within: Bounds) -> Policy:
    return Policy(
        max_replicas=within.max_replicas,
        min_replicas=within.awake,
        time_to_first_token=spec.slo.first_token_seconds,
        time_per_output_token=spec.slo.output_token_seconds,
    )


def _expected(moment: Moment) -> Expected:
    slo = moment.spec.slo
    return Expected(*moment.request, slo.percentile, slo.first_token_seconds)
