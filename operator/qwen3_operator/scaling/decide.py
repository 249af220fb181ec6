"""``decide``: from what is seen to replicas per placement; pure.

The operator, the replay and the tests call the same function.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.scaling.experience import CHOOSE_EVERY
from qwen3_operator.scaling.guard import guard, wait_seconds
from qwen3_operator.scaling.placements import Places
from qwen3_operator.scaling.shadows import DRAIN_SECONDS, STEPS, Shadows, Span, hold, shapes
from qwen3_operator.scaling.sight import number, readable, states, tick
from qwen3_operator.scaling.state import State
from qwen3_operator.scaling.types import PERIOD_SECONDS, Decision, Rule, Seeing, Stop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.experience import Experience
    from qwen3_operator.scaling.levels import Levels
    from qwen3_operator.scaling.shadows import Shaped
    from qwen3_operator.scaling.sight import Tick
    from qwen3_operator.scaling.types import Capacity, Observation, Policy, QueueOrder

_STEPS: list[list[float]] = STEPS.tolist()
_NEARLY_NONE = 1e-9
"""Tokens per second: a level fades to it where nothing arrives for hours."""


def decide(
    policy: Policy, observation: Observation, state: State, capacity: Sequence[Capacity], now: float
) -> tuple[Decision, State]:
    """Replicas of each placement, and what is to be remembered for the next decision.

    Args:
        policy: targets and bounds.
        observation: the deployment now.
        state: what the last decision left; ``State()`` at first.
        capacity: of each placement of the plan, at least one. The first placement ever given is the unit of work.
        now: seconds on a clock that only goes on; a step of it costs one decision.
    """
    unit = state.unit or (capacity[0].input_tokens_per_second, capacity[0].output_tokens_per_second)
    places = Places.of(capacity, observation.fleets, _sizes(unit, state, capacity))
    counters = readable(observation.counters)
    found = tick(observation, counters, state, now)
    startup_seconds = places.next_startup
    moment = _Moment(
        tick=found,
        arrived=None if found is None else _work(unit, found.input_tokens, found.output_tokens),
        partial=observation.unscraped > 0,
        waiting=number(observation.waiting) or 0.0,
        places=places,
        wait=wait_seconds(policy, capacity),
        order=policy.queue,
        startup_seconds=startup_seconds,
        startup=max(1, math.ceil(startup_seconds / PERIOD_SECONDS)),
        there=places.carried(places.counts),
    )
    learned, shaped = _learned(state, moment)
    level, levels = learned.levels.work, learned.levels
    wish, stopped = _guarded(_wish(learned, moment, shaped), policy, observation, capacity, moment)
    counts, limits = places.granted(
        wish.wanted,
        max((wish.wanted, *state.wanted)),
        max(level, moment.arrived or 0.0),
        policy,
        lower=moment.complete and len(levels.held) > moment.startup,
    )
    decision = Decision(
        seen=states(observation, counters, found),
        observed=Seeing(
            work=moment.arrived,
            level=level,
            headroom=max(0.0, wish.steady - level),
            waiting=moment.waiting,
            late_share=learned.experience.late_share,
        ),
        rule=wish.rule,
        wanted=wish.wanted,
        granted=counts,
        stopped=tuple(sorted(stopped | limits)),
        next_at=now + PERIOD_SECONDS,
    )
    after = State(
        unit=unit,
        at=now,
        counters=counters,
        unscraped=observation.unscraped,
        levels=levels,
        shadows=learned.shadows,
        experience=learned.experience,
        wanted=(wish.wanted, *state.wanted)[: hold(moment.startup) - 1],
    )
    return decision, after


class _Moment(NamedTuple):
    """What one decision is made from; work in units."""

    tick: Tick | None
    arrived: float | None
    partial: bool
    waiting: float
    places: Places
    wait: float
    order: QueueOrder
    startup_seconds: float
    startup: int
    """Decisions that a start-up takes."""
    there: float
    """What all replicas carry, pending ones included."""

    @property
    def complete(self) -> bool:
        """Whether all that arrived is known."""
        return self.arrived is not None and not self.partial


class _Learned(NamedTuple):
    levels: Levels
    shadows: Shadows | None
    experience: Experience


class _Wish(NamedTuple):
    rule: Rule
    wanted: float
    steady: float
    """Without what a backlog and latency ask for."""


def _learned(state: State, moment: _Moment) -> tuple[_Learned, Shaped | None]:
    """Levels, shadows and experience after one more span of arrivals; as they were where it is not wholly known."""
    if moment.tick is None or moment.arrived is None or moment.partial:
        return _Learned(state.levels, state.shadows, state.experience), None
    rates, places = moment.tick, moment.places
    requests = rates.requests * PERIOD_SECONDS
    tokens = (rates.requests, rates.input_tokens, rates.output_tokens)
    levels = state.levels.after(moment.arrived, tokens, moment.startup)
    before = state.shadows or Shadows.of(math.ceil(moment.there))
    shaped = shapes(levels, moment.startup)
    shadows = before.after(Span(moment.arrived, requests, moment.wait, shaped, moment.startup, moment.order))
    late = rates.late * PERIOD_SECONDS
    experience = state.experience.after(moment.arrived, requests, late, places.ready, moment.wait, order=moment.order)
    if not experience.chosen or experience.decisions % CHOOSE_EVERY == 0:
        shadows = shadows.now()
        chosen, weights = experience.choice(shadows, levels, moment.startup_seconds)
        experience = experience._replace(chosen=chosen, weights=weights)
    return _Learned(levels, shadows, experience), shaped


def _wish(learned: _Learned, moment: _Moment, shaped: Shaped | None) -> _Wish:
    """What work asks for; where it is not wholly known, at least what is there."""
    if moment.arrived is None:
        return _Wish(Rule.HOLD, moment.there, moment.there)
    if shaped is None:
        least = max(moment.there, moment.arrived)
        return _Wish(Rule.HEADROOM, least, least)
    steady = _headroom(learned.experience, shaped)
    wanted = steady + moment.waiting * learned.levels.work_per_request / DRAIN_SECONDS
    return _Wish(Rule.BACKLOG if math.ceil(wanted) > math.ceil(steady) else Rule.HEADROOM, wanted, steady)


def _headroom(experience: Experience, shaped: Shaped) -> float:
    """Level and headroom in units: the chosen candidates of the shapes, weighted."""
    wanted = 0.0
    parts = zip(experience.weights, shaped.level, _STEPS, experience.chosen, shaped.unit, strict=True)
    for weight, level, steps, chosen, unit in parts:
        wanted += weight * (level + steps[chosen] * unit)
    return max(0.0, wanted)


def _guarded(
    wish: _Wish, policy: Policy, observation: Observation, capacity: Sequence[Capacity], moment: _Moment
) -> tuple[_Wish, set[Stop]]:
    """The wish, or what latency asks for beyond it; and what keeps either from being had."""
    stopped = set[Stop]() if moment.complete else {Stop.NO_DATA}
    found = guard(policy, observation, capacity, moment.there, wish.wanted, pending=moment.places.pending)
    if found.unreachable:
        stopped.add(Stop.TARGET_UNREACHABLE)
    if wish.rule is Rule.HOLD or found.units <= wish.wanted:
        return wish, stopped
    if moment.there > wish.wanted:
        stopped.add(Stop.LATENCY_ABOVE_TARGET)
    return _Wish(Rule.LATENCY, found.units, wish.steady), stopped


def _work(unit: tuple[float, float], input_tokens: float, output_tokens: float) -> float:
    return input_tokens / unit[0] + output_tokens / unit[1]


def _sizes(unit: tuple[float, float], state: State, capacity: Sequence[Capacity]) -> dict[str, float]:
    """What a replica of each placement is worth in units, for the tokens that arrive."""
    mix = (state.levels.input_tokens, state.levels.output_tokens)
    given = mix if sum(mix) > _NEARLY_NONE else (1.0, 1.0)
    return {one.placement: _work(unit, *given) / one.work(*given) for one in capacity}
