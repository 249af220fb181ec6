"""What holds of ``decide`` whatever is seen."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_operator.scaling import Counters, Fleet, Observation, Policy, QueueOrder, Rule, State, Stop, decide
from qwen3_operator.scaling.shadows import Shadows, Shaped, Span
from tests.unit.scaling.given import GPU, NPU, POLICY, Deployment

LOAD = st.floats(0.0, 30.0)
SOME = settings(max_examples=12)


@SOME
@given(LOAD, LOAD)
def test_more_work_never_means_fewer_replicas(one: float, other: float) -> None:
    less, more = (Deployment(replicas=3).run(work, 40).replicas for work in sorted((one, other)))
    assert less <= more


@SOME
@given(LOAD)
def test_even_work_is_carried_and_not_by_many_more(work: float) -> None:
    last = Deployment(replicas=math.ceil(work) or 1).run(work, 60)
    assert work <= last.replicas <= max(2.0, 1.0 + 2.0 * work)


@SOME
@given(st.integers(1, 5), st.integers(0, 10), st.integers(0, 20), st.lists(LOAD, min_size=1, max_size=30))
def test_bounds_and_room_are_kept(fewest: int, more: int, room: int, loads: list[float]) -> None:
    policy = Policy(max_replicas=fewest + more, min_replicas=fewest)
    known = Deployment(policy=policy, capacity=(replace(GPU, available=room + 1), NPU), replicas=1)
    for load in loads:
        known.arrive(load)
        granted = known.decide().granted
        assert fewest <= sum(granted.values()) <= policy.max_replicas
        assert granted["gpu"] <= room + 1


NOTHING = st.sampled_from(
    [
        None,
        Counters(math.nan, 1.0, 1.0, 0.0),
        Counters(1e9, math.inf, 1.0, 0.0),
        Counters(0.0, 0.0, 0.0, 0.0),  # all pods restarted
    ]
)


@SOME
@given(NOTHING, st.floats(0.5, 20.0), st.integers(1, 20))
def test_without_data_the_scale_holds(counters: Counters | None, work: float, ticks: int) -> None:
    known = Deployment(replicas=4)
    known.run(work, ticks)
    before = known.history[-1]
    known.now += 10
    decision = known.decide(counters=counters)
    assert decision.rule is Rule.HOLD
    assert decision.granted == before
    assert Stop.NO_DATA in decision.stopped


@SOME
@given(st.lists(LOAD, min_size=1, max_size=20), LOAD)
def test_a_restart_changes_nothing(loads: list[float], next_load: float) -> None:
    known = Deployment(capacity=(GPU, NPU))
    for load in loads:
        known.run(load, 1)
    restarted = State.from_json(json.loads(json.dumps(known.state.to_json())))
    known.arrive(next_load)
    asked = (known.policy, known.seen())
    first, after = decide(*asked, known.state, known.capacity, known.now)
    second, again = decide(*asked, restarted, known.capacity, known.now)
    assert first == second
    assert after.to_json() == again.to_json()


def test_the_state_is_replaced_and_never_changed() -> None:
    known = Deployment()
    known.run(5.0, 10)
    before = json.dumps(known.state.to_json())
    known.arrive(20.0)
    decide(known.policy, known.seen(), known.state, known.capacity, known.now)
    assert json.dumps(known.state.to_json()) == before


def test_it_rises_at_once_by_as_many_as_are_needed() -> None:
    known = Deployment(replicas=2)
    known.run(1.0, 30)
    before = known.history[-1]["gpu"]
    known.arrive(20.0)
    assert known.decide().replicas >= before + 4


def test_it_goes_down_no_sooner_than_a_start_up_takes() -> None:
    known = Deployment(replicas=12)
    high = known.run(10.0, 60).replicas
    counts = [known.run(1.0, 1).replicas for _ in range(600)]
    assert min(counts[:18]) >= high
    assert counts[-1] < high / 2


def test_a_replica_is_not_taken_and_given_back() -> None:
    """Dynamo #9294: 2 and 1 in turns, since one replica alone would be just too few."""
    known = Deployment(replicas=2)
    counts = [known.run(0.93 if tick % 2 else 0.97, 1).replicas for tick in range(200)]
    assert set(counts[20:]) == {2}


def test_longer_prompts_at_the_same_rate_are_more_work() -> None:
    known = Deployment(replicas=4)
    before = known.run(2.0, 30).replicas
    after = known.run(6.0, 30, tokens=3.0).replicas
    assert after > before


def test_replicas_set_by_hand_are_what_is_counted_from() -> None:
    known = Deployment(replicas=4)
    known.run(2.0, 30)
    known.arrive(2.0)
    edited = (Fleet("gpu", ready=20),)
    held, _ = decide(POLICY, replace(known.seen(), fleets=edited, counters=None), known.state, (GPU,), known.now)
    assert held.replicas == 20


def test_the_first_look_decides_nothing() -> None:
    seen = Observation(fleets=(Fleet("gpu", 3),), counters=Counters(1e6, 1e9, 1e8, 0.0))
    decision, _ = decide(POLICY, seen, State(), (GPU,), now=5.0)
    assert (decision.rule, decision.granted) == (Rule.HOLD, {"gpu": 3})


def test_it_says_when_it_will_look_again() -> None:
    known = Deployment()
    assert known.run(1.0, 2).next_at == known.now + 10.0


@SOME
@given(st.lists(st.tuples(LOAD, st.sampled_from((3, 18, 25)), st.sampled_from(QueueOrder)), min_size=1, max_size=45))
def test_shadows_live_through_several_decisions_as_through_one_after_the_other(
    spans: list[tuple[float, int, QueueOrder]],
) -> None:
    single = together = Shadows.of(3)
    for work, startup, order in spans:
        span = Span(work, 10 * work, 2.0, Shaped((work, work, work), (work, 1.0, work)), startup, order)
        single, together = single.after(span).now(), together.after(span)
    lived = together.now()
    assert not lived.ahead
    assert np.array_equal(single.totals, lived.totals)
    for name in ("wanted", "missed", "recently_missed", "cost"):
        assert getattr(lived, name) == pytest.approx(getattr(single, name), rel=1e-9)
    assert np.concatenate(lived.queue) == pytest.approx(np.concatenate(single.queue), rel=1e-9, abs=1e-9)
