"""Latency above its target."""

from __future__ import annotations

from dataclasses import replace

from qwen3_operator.scaling import Fleet, Policy, Rule, Stop
from tests.unit.scaling.given import GPU, POLICY, Deployment


def _warm(policy: Policy = POLICY, alone: float = 0.2) -> Deployment:
    known = Deployment(policy=policy, capacity=(replace(GPU, first_token_seconds=alone),), replicas=6)
    known.run(4.0, 60)
    known.arrive(4.0)
    return known


def test_latency_raises_a_fleet_that_work_alone_would_not() -> None:
    known = _warm()
    before = known.history[-1]["gpu"]
    decision = known.decide(time_to_first_token=3.0)
    assert decision.rule is Rule.LATENCY
    assert before < decision.replicas <= 2 * before


def test_latency_within_its_target_changes_nothing() -> None:
    assert _warm().decide(time_to_first_token=1.9).rule is Rule.HEADROOM


def test_replicas_on_their_way_are_waited_for() -> None:
    known = _warm()
    decision = known.decide(time_to_first_token=9.0, fleets=(Fleet("gpu", 6, pending=3),))
    assert decision.replicas == 9


def test_it_goes_only_so_far() -> None:
    """Something else is slow, and more replicas would not end it."""
    known = _warm()
    for _ in range(300):
        known.arrive(4.0)
        known.decide(time_to_first_token=60.0)
    assert max(counts["gpu"] for counts in known.history) <= 16


def test_a_target_that_a_request_alone_misses_is_told_and_pins_nothing() -> None:
    """Dynamo #11624: the fleet stood at its maximum for ever."""
    known = _warm(Policy(50, time_to_first_token=2.0, time_per_output_token=0.05), alone=2.5)
    calm = known.history[-1]["gpu"]
    for _ in range(50):
        known.arrive(4.0)
        known.decide(time_to_first_token=30.0)
    known.arrive(4.0)
    decision = known.decide(time_to_first_token=30.0)
    assert Stop.TARGET_UNREACHABLE in decision.stopped
    assert decision.replicas <= calm


def test_the_other_target_still_guards() -> None:
    known = _warm(Policy(50, time_to_first_token=2.0, time_per_output_token=0.05), alone=2.5)
    decision = known.decide(time_to_first_token=30.0, time_per_output_token=0.08)
    assert decision.rule is Rule.LATENCY
    assert Stop.TARGET_UNREACHABLE in decision.stopped


def test_waiting_requests_are_worked_off() -> None:
    known = _warm()
    decision = known.decide(waiting=3000.0)
    assert decision.rule is Rule.BACKLOG
    assert decision.replicas > known.history[-2]["gpu"]
