"""One look: what decide says, and over it zero, people and modes."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from qwen3_operator.api.scaling import Scaling
from qwen3_operator.api.schema import structural
from qwen3_operator.autoscale import record
from qwen3_operator.autoscale.memory import Manual, Memory
from qwen3_operator.autoscale.samples import Samples
from qwen3_operator.autoscale.step import DEMAND, IDLE, MANUAL, Moment
from qwen3_operator.scaling import PERIOD_SECONDS, Capacity, Rule, Seen, Stop
from tests.unit.autoscale.given import CAPACITY, PLACE, POOL, REQUEST, START, Deployment, spec
from tests.unit.sizing.test_spec_fields import leaves

HOUR = 360
"""Looks."""


def test_follows_the_work_up_and_down() -> None:
    chat = Deployment()
    chat.run(0.2, 30)
    assert chat.replicas == 1
    chat.run(4.0, 12)
    assert 4 <= chat.replicas <= 10
    chat.run(0.0, HOUR + 60)
    assert chat.replicas == 1


def test_without_answers_the_last_scale_holds_for_ever() -> None:
    chat = Deployment()
    chat.run(4.0, 30)
    before = chat.replicas
    outcome = chat.look(None)
    for _ in range(HOUR):
        chat.now += PERIOD_SECONDS
        outcome = chat.look(None)
    assert chat.replicas == before
    assert (outcome.rule, outcome.decision.stopped) == (Rule.HOLD, (Stop.NO_DATA,))
    assert Seen.NO_SCRAPE in outcome.decision.seen


def test_an_empty_answer_is_no_traffic_of_zero() -> None:
    chat = Deployment()
    chat.run(4.0, 30)
    before = chat.replicas
    for _ in range(HOUR):
        chat.now += PERIOD_SECONDS
        chat.look(Samples())
    assert chat.replicas == before


def test_sleeps_after_the_idle_time_and_wakes_by_demand() -> None:
    chat = Deployment(spec=spec(minReplicas=0, idleSeconds=600))
    chat.run(0.5, 12)
    chat.run(0.0, 59)
    assert chat.replicas == 1
    assert chat.run(0.0, 2).rule == IDLE
    assert chat.replicas == 0
    chat.now += 3600
    assert chat.look(None).rule == IDLE
    assert chat.replicas == 0
    chat.now += 1
    chat.demanded_at = chat.now
    assert chat.look(None).rule == DEMAND
    assert chat.replicas == 1


def test_wakes_again_and_not_by_old_demand() -> None:
    chat = Deployment(spec=spec(minReplicas=0, idleSeconds=60), demanded_at=START)
    chat.run(0.0, 10)
    assert chat.replicas == 0
    chat.run(0.0, 10)
    assert chat.replicas == 0
    chat.demanded_at = chat.now
    chat.run(0.0, 1)
    assert chat.replicas == 1
    chat.run(0.0, 10)
    assert chat.replicas == 0, "nobody came after all"


def test_idle_is_counted_from_the_newest_demand() -> None:
    chat = Deployment(spec=spec(minReplicas=0, idleSeconds=60), demanded_at=START - 3600)
    chat.run(0.5, 2)
    chat.run(0.0, 5)
    assert chat.replicas == 1, "demand of long ago makes nobody idle"
    chat.demanded_at = chat.now
    chat.run(0.0, 5)
    assert chat.replicas == 1
    chat.run(0.0, 2)
    assert chat.replicas == 0


def test_demand_of_long_ago_wakes_nothing_though_the_memory_is_lost() -> None:
    chat = Deployment(spec=spec(minReplicas=0, idleSeconds=60), replicas=0, demanded_at=START - 61)
    assert chat.look(None).rule == IDLE
    assert chat.replicas == 0


def test_never_sleeps_on_missing_data_or_with_a_request_in_flight() -> None:
    chat = Deployment(spec=spec(minReplicas=0, idleSeconds=60))
    chat.run(0.5, 3)
    for _ in range(HOUR):
        chat.now += PERIOD_SECONDS
        chat.look(None)
    assert chat.replicas == 1
    for _ in range(HOUR):
        chat.now += PERIOD_SECONDS
        chat.look(chat.samples(in_flight=1))
    assert chat.replicas == 1


@pytest.mark.parametrize("jump", [7200.0, -7200.0])
def test_a_step_of_the_clock_puts_nobody_to_sleep_and_keeps_nobody_awake(jump: float) -> None:
    chat = Deployment(spec=spec(minReplicas=0, idleSeconds=600))
    chat.run(0.5, 3)
    chat.run(0.0, 3)
    chat.now += jump
    assert chat.run(0.0, 59).rule != IDLE
    assert chat.replicas == 1
    assert chat.run(0.0, 3).rule == IDLE
    assert chat.replicas == 0


def test_demand_that_a_clock_set_back_leaves_in_the_future_wakes_nobody() -> None:
    chat = Deployment(spec=spec(minReplicas=0, idleSeconds=60), replicas=0, demanded_at=START + 7200)
    assert chat.look(None).rule == IDLE
    chat.demanded_at = chat.now + 5  # the gateway's clock is another one
    assert chat.look(None).rule == DEMAND
    chat.now += 66
    chat.run(0.0, 7)
    assert chat.replicas == 0


def test_a_change_by_hand_holds_no_longer_though_the_clock_is_set_back() -> None:
    chat = Deployment(spec=spec(manualHoldSeconds=300))
    chat.run(0.2, 30)
    chat.spec, chat.replicas = spec(7, manualHoldSeconds=300), 7
    assert chat.run(0.2, 1).rule == MANUAL
    chat.now -= 7200
    assert chat.run(0.2, 29).rule == MANUAL
    assert chat.run(0.2, 3).rule != MANUAL


def test_a_change_by_hand_holds_for_its_time() -> None:
    chat = Deployment(spec=spec(manualHoldSeconds=300))
    chat.run(0.2, 30)
    chat.spec, chat.replicas = spec(7, manualHoldSeconds=300), 7
    assert chat.run(0.2, 1).rule == MANUAL
    chat.run(0.2, 28)
    assert chat.replicas == 7
    chat.run(0.0, HOUR)
    assert chat.replicas == 1


@pytest.mark.parametrize("mode", ["Advise", "External"])
def test_a_change_by_hand_holds_in_mode_auto_alone(mode: str) -> None:
    chat = Deployment()
    chat.spec, chat.replicas = spec(7), 7
    assert chat.run(0.2, 1).rule == MANUAL
    chat.spec = spec(7, mode=mode)
    assert chat.run(0.2, 1).rule != MANUAL


@pytest.mark.parametrize("mode", ["Advise", "External"])
def test_other_modes_show_and_never_act(mode: str) -> None:
    chat = Deployment(spec=spec(mode=mode))
    outcome = chat.run(4.0, 30)
    assert chat.replicas == 1
    assert not outcome.applies
    assert sum(outcome.granted.values()) >= 4
    chat.spec, chat.replicas = spec(2, mode=mode), 2
    assert chat.run(4.0, 1).rule != MANUAL, "the number is another's to change"


def test_what_another_autoscaler_set_holds_nobody_up_after_a_change_to_auto() -> None:
    chat = Deployment(spec=spec(mode="External"))
    chat.run(4.0, 30)
    chat.spec, chat.replicas = spec(2, mode="External"), 2
    chat.run(4.0, 1)
    chat.spec = spec(2)
    assert chat.run(4.0, 1).rule != MANUAL
    assert chat.replicas >= 4
    chat.spec, chat.replicas = spec(3), 3
    assert chat.run(4.0, 1).rule == MANUAL


def test_memory_survives_a_restart() -> None:
    chat = Deployment()
    chat.run(3.0, 60)
    stored = chat.memory.to_bytes()
    assert len(stored) < 60_000
    read = Memory.from_bytes(stored)
    assert (read.manual, read.active_at, read.startup) == (chat.memory.manual, chat.memory.active_at, {POOL: 20.0})
    assert read.state.counters is None, "a difference across the restart would be no rate"
    chat.memory, before = read, chat.replicas
    chat.run(3.0, 30)
    assert chat.replicas == before


STORED = Memory(Manual(), 0.0).to_bytes()


@pytest.mark.parametrize(
    "data", [b"", b"no", b"\x1f\x8b", STORED[:-9], STORED[:10] + b"\xff" * 9 + STORED[19:], gzip.compress(b"[]")]
)
def test_what_is_no_memory_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="memory"):
        Memory.from_bytes(data)


FIELDS: dict[str, tuple[Any, Any]] = {
    "mode": ("Auto", "Advise"),
    "minReplicas": (1, 6),
    "maxReplicas": (3, 10),
    "idleSeconds": (60, 3600),
    "manualHoldSeconds": (60, 3600),
    "schedules": ([], [{"name": "day", "start": "0 8 * * *", "end": "0 18 * * *", "minReplicas": 6}]),
}
"""Field of spec.scaling to two values that lead to different numbers of replicas."""


def _after_an_hour(field: str, value: Any) -> int:
    least = {"minReplicas": 0} if field == "idleSeconds" else {}
    scaling = {**least, field: value}
    chat = Deployment(spec=spec(**scaling))
    chat.run(4.0, 24)
    if field in {"mode", "maxReplicas"}:
        return chat.replicas
    chat.run(0.0, 60)
    if field == "manualHoldSeconds":
        chat.spec, chat.replicas = spec(9, **scaling), 9
        chat.run(0.0, 60)
    return chat.replicas


@pytest.mark.parametrize("field", FIELDS)
def test_field_has_an_effect(field: str) -> None:
    one, two = FIELDS[field]
    assert _after_an_hour(field, one) != _after_an_hour(field, two)


def test_all_fields_are_listed() -> None:
    capacity = {f"replicaCapacity.{kind}TokensPerSecond" for kind in ("input", "output")}
    assert set(leaves(structural(Scaling, defaults=True))) == FIELDS.keys() | capacity


def test_the_record_says_what_was_seen_and_done() -> None:
    chat = Deployment()
    chat.run(0.2, 30)
    before = {POOL: chat.replicas}
    chat.now += PERIOD_SECONDS
    chat.arrived += 4.0 * 20
    moment_spec = chat.spec
    outcome = chat.look(chat.samples(in_flight=4))
    moment = Moment(PLACE, moment_spec, chat.fleet(), chat.samples(), (CAPACITY,), None, chat.now, REQUEST)
    entry = record.change(before, outcome, moment)
    assert entry is not None
    assert (entry.before, entry.after) == (1, chat.replicas)
    assert "work of" in entry.reason
    shown = record.shown(outcome, moment)
    assert shown.observed.work == "4.00"
    assert shown.observed.in_flight == 4
    assert shown.granted == {POOL: chat.replicas}
    assert record.told(entry).reason == "ScaledUp"
    assert not record.is_news(shown, shown, chat.now + 10)
    assert record.is_news(shown, shown, chat.now + 301)
    assert record.is_news(shown, shown, chat.now - 7200), "the clock was set back"
    assert record.is_news(shown, shown.model_copy(update={"stopped": ("NoRoom",)}), chat.now + 10)
    many = record.kept(entry, [entry] * 12)
    assert len(many) == 10
    verdict = record.verdict(outcome, moment, "")
    assert (verdict.status, verdict.reason) == ("True", "Deciding")
    lost = record.verdict(outcome, moment, "Prometheus: not reached")
    assert (lost.status, lost.reason) == ("False", "PrometheusFailed")


def test_only_what_was_put_to_sleep_is_said_to_sleep() -> None:
    asleep = {}
    for mode in ("Auto", "Advise", "External"):
        chat = Deployment(spec=spec(mode=mode, minReplicas=0, idleSeconds=60))
        outcome = chat.run(0.0, 10)
        assert outcome.rule == IDLE
        moment = Moment(PLACE, chat.spec, chat.fleet(), chat.samples(), (CAPACITY,), None, chat.now, REQUEST)
        asleep[mode] = record.verdict(outcome, moment, "").reason
    assert asleep == {"Auto": "Asleep", "Advise": "Advising", "External": "External"}


def test_no_more_than_there_is_room_for() -> None:
    chat = Deployment(capacity=Capacity(POOL, 1e9, 100.0, startup_seconds=20.0, available=2))
    outcome = chat.run(6.0, 12)
    assert chat.replicas == 2
    assert Stop.NO_ROOM in outcome.decision.stopped
