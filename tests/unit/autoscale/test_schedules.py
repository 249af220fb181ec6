"""Schedules in the looks of the autoscaler: each mode, zero, the record. START is a Friday, 08:00 in UTC."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qwen3_operator.api.schedule import Schedule
from qwen3_operator.api.schema import structural
from qwen3_operator.autoscale import record
from qwen3_operator.autoscale.step import IDLE, MANUAL, Moment
from qwen3_operator.scaling import PERIOD_SECONDS, Stop
from tests.unit.autoscale.given import CAPACITY, PLACE, POOL, REQUEST, START, Deployment, spec
from tests.unit.sizing.test_spec_fields import leaves

OFFICE = {"name": "office", "start": "0 9 * * MON-FRI", "end": "0 17 * * MON-FRI", "minReplicas": 3}
NINE, FIVE = START + 3600, START + 9 * 3600


def _chat(*schedules: dict[str, Any], now: float = START, replicas: int = 1, **scaling: Any) -> Deployment:
    return Deployment(spec=spec(schedules=schedules, **scaling), now=now, replicas=replicas)


def _until(chat: Deployment, moment: float) -> None:
    """Looks without traffic."""
    while chat.now + PERIOD_SECONDS <= moment:
        chat.tick(0.0)


def _moment(chat: Deployment) -> Moment:
    return Moment(PLACE, chat.spec, chat.fleet(), chat.samples(), (CAPACITY,), None, chat.now, REQUEST)


def test_replicas_are_begun_a_start_up_before_and_go_after_it() -> None:
    chat = _chat(OFFICE)
    _until(chat, NINE - 40)
    assert chat.replicas == 1
    _until(chat, NINE - 20)
    assert chat.replicas == 3, "a start-up takes 20 s, and a look ten"
    _until(chat, FIVE - 10)
    assert chat.replicas == 3
    _until(chat, FIVE + 600)
    assert chat.replicas == 1


def test_a_scheduled_most_holds_the_fleet_down() -> None:
    chat = _chat(OFFICE | {"minReplicas": None, "maxReplicas": 2}, now=NINE)
    outcome = chat.run(6.0, 12)
    assert chat.replicas == 2
    assert Stop.MAX_REPLICAS in outcome.decision.stopped


def test_wakes_what_sleeps_and_keeps_it_awake() -> None:
    chat = _chat(OFFICE, minReplicas=0, idleSeconds=60)
    _until(chat, NINE - 40)
    assert chat.replicas == 0
    _until(chat, NINE - 20)
    assert chat.replicas == 3
    _until(chat, FIVE - 10)
    assert chat.replicas == 3
    _until(chat, FIVE + 600)
    assert chat.replicas == 0


def test_wakes_without_prometheus() -> None:
    chat = _chat(OFFICE, now=NINE, replicas=0, minReplicas=0)
    chat.look(None)
    assert chat.replicas == 3


def test_lets_sleep_at_night_what_is_awake_by_day() -> None:
    night = {"name": "night", "start": "0 20 * * *", "end": "0 6 * * *", "minReplicas": 0}
    chat = _chat(night, now=START + 11 * 3600, idleSeconds=300)
    _until(chat, START + 12 * 3600 - 10)
    assert chat.replicas == 1
    _until(chat, START + 12 * 3600)
    assert chat.replicas == 0
    _until(chat, START + 22 * 3600 - 40)
    assert chat.replicas == 0
    _until(chat, START + 22 * 3600)
    assert chat.replicas == 1


@pytest.mark.parametrize("mode", ["Advise", "External"])
def test_other_modes_show_it_and_never_act(mode: str) -> None:
    chat = _chat(OFFICE, now=NINE, mode=mode)
    outcome = chat.tick(0.0)
    assert (chat.replicas, outcome.granted) == (1, {POOL: 3})
    assert 'between 3 and 10, bounded by schedule "office"' in record.verdict(outcome, _moment(chat), "").message


def test_a_change_by_hand_holds_against_it() -> None:
    chat = _chat(OFFICE, manualHoldSeconds=900)
    _until(chat, NINE - 600)
    chat.spec, chat.replicas = chat.spec.model_copy(update={"replicas": 2}), 2
    assert chat.tick(0.0).rule == MANUAL
    _until(chat, NINE + 60)
    assert chat.replicas == 2
    _until(chat, NINE + 600)
    assert chat.replicas == 3


def test_the_record_names_the_schedule_and_until_when() -> None:
    chat = _chat(OFFICE)
    _until(chat, NINE - 40)
    quiet = record.shown(chat.tick(0.0), _moment(chat))
    assert quiet.bounds is not None
    assert quiet.bounds.to_json() == {
        "minReplicas": 3, "maxReplicas": 10, "schedules": [], "beginning": ["office"], "until": "2027-01-15T09:00:00Z"
    }  # fmt: skip
    _until(chat, NINE - 10)
    outcome = chat.tick(0.0)
    shown = record.shown(outcome, _moment(chat))
    assert shown.bounds is not None
    assert (shown.bounds.schedules, shown.bounds.until) == (("office",), "2027-01-15T17:00:00Z")
    assert record.is_news(quiet, shown, chat.now)
    entry = record.change({POOL: 1}, outcome, _moment(chat))
    assert entry is not None
    assert 'bounded by schedule "office" until 2027-01-15T17:00:00Z' in entry.reason
    verdict = record.verdict(outcome, _moment(chat), "")
    assert verdict.message.endswith('between 3 and 10, bounded by schedule "office" until 2027-01-15T17:00:00Z')


def test_the_record_has_no_bounds_without_schedules() -> None:
    chat = Deployment()
    assert record.shown(chat.tick(0.0), _moment(chat)).bounds is None


def test_a_wrong_schedule_is_left_out_and_said() -> None:
    chat = _chat(OFFICE | {"timeZone": "Europe/Berln"}, now=NINE)
    outcome = chat.tick(4.0)
    verdict = record.verdict(outcome, _moment(chat), "")
    assert (verdict.status, verdict.reason) == ("True", "InvalidSchedule")
    assert "spec.scaling.schedules[office].timeZone is Europe/Berln" in verdict.message
    assert record.verdict(outcome, _moment(chat), "Prometheus: not reached").reason == "PrometheusFailed"
    chat.run(4.0, 30)
    assert chat.replicas >= 4, "the work is followed nevertheless"


def test_a_wrong_schedule_is_said_of_what_sleeps() -> None:
    chat = _chat(OFFICE | {"timeZone": "Europe/Berln"}, minReplicas=0, idleSeconds=60)
    assert chat.run(0.0, 10).rule == IDLE
    assert record.verdict(chat.tick(0.0), _moment(chat), "").reason == "InvalidSchedule"


def test_the_slowest_placement_says_when_to_begin() -> None:
    slow = replace(CAPACITY, placement="npu", startup_seconds=300.0)
    chat = _chat(OFFICE, now=NINE - 310)
    outcome = chat.look(chat.samples(), capacities=(CAPACITY, slow))
    assert outcome.bounds.min_replicas == 3
    assert outcome.rule != IDLE


EFFECTS: dict[str, Any] = {
    "name": "other",
    "timeZone": "Asia/Tokyo",
    "start": "0 10 * * MON-FRI",
    "end": "0 9 * * SAT",
    "minReplicas": 2,
    "maxReplicas": 3,
}
"""Field of a schedule to a value that leads to another decision than OFFICE has."""
MOMENTS = {"start": NINE, "end": FIVE, "timeZone": NINE}


def _decided(field: str, value: Any) -> Any:
    """Bounds, and the work of six replicas."""
    office = OFFICE | ({} if value is None else {field: value})
    return _chat(office, now=MOMENTS.get(field, NINE + 600)).tick(6.0).bounds


@pytest.mark.parametrize("field", EFFECTS)
def test_field_has_an_effect(field: str) -> None:
    assert _decided(field, EFFECTS[field]) != _decided(field, None)


def test_all_fields_are_listed() -> None:
    assert set(leaves(structural(Schedule, defaults=True))) == EFFECTS.keys()
