"""Schedules over a simulated trace: the operator's bounds at every moment of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_operator.api.scaling import Scaling
from qwen3_operator.scaling import PERIOD_SECONDS, Policy
from qwen3_operator.scaling.schedules import bounds
from qwen3_operator.scaling.simulate import SCALERS, STEP_SECONDS, Run, Setting, Timetable, bound, run, scaler
from tests.unit.scaling.given import GPU, NPU
from tests.unit.scaling.test_simulate import arriving

BERLIN = "Europe/Berlin"
OFFICE = {"name": "office", "timeZone": BERLIN, "start": "0 8 * * MON-FRI", "end": "0 9 * * MON-FRI", "minReplicas": 6}
NIGHT = {"name": "night", "timeZone": BERLIN, "start": "30 1 * * *", "end": "30 5 * * *", "minReplicas": 0}
CALM = {"name": "calm", "start": "10 7 * * *", "end": "40 7 * * *", "maxReplicas": 2}
SEVEN = datetime(2027, 1, 11, 7, tzinfo=ZoneInfo(BERLIN)).timestamp()
"""A Monday, an hour before the office."""
HOUR = 3600


def _scaling(*schedules: dict[str, Any]) -> Scaling:
    return Scaling.model_validate({"minReplicas": 1, "maxReplicas": 20, "schedules": schedules})


def _setting(level: float, hours: float, *schedules: dict[str, Any], begin: float = SEVEN) -> Setting:
    policy = Policy(20, 1, time_to_first_token=2.0)
    return Setting(arriving((level, hours * 60)), (GPU,), policy, timetable=Timetable(_scaling(*schedules), begin))


def _run(setting: Setting, name: str = "adaptive") -> Run:
    return run(setting, scaler(name, setting))


def _step(seconds: float) -> int:
    return round(seconds / STEP_SECONDS)


@settings(max_examples=20)  # a half of a millisecond for each moment that is asked for by itself
@given(
    begin=st.one_of(st.floats(-50_000, 50_000), st.integers(-50_000, 50_000).map(float)),
    ahead=st.one_of(st.just(190.0), st.floats(0.0, 4000.0)),
    apart=st.sampled_from((PERIOD_SECONDS, 40 * PERIOD_SECONDS)),
)
def test_every_moment_has_the_bounds_that_the_operator_would_find(begin: float, ahead: float, apart: float) -> None:
    """Over the night in which the clock moves on."""
    scaling = _scaling(OFFICE, NIGHT, CALM)
    spring = datetime(2026, 3, 29, 1, tzinfo=ZoneInfo(BERLIN)).timestamp()
    moments = (np.arange(150) * apart).tolist()
    found = Timetable(scaling, spring + begin).along(moments, ahead)
    assert found == [bounds(scaling, spring + begin + moment, ahead) for moment in moments]


def test_decisions_look_as_far_ahead_as_the_slowest_start() -> None:
    slow = replace(NPU, startup_seconds=300.0)
    setting = Setting(arriving((1.0, 90.0)), (GPU, slow), Policy(20), timetable=Timetable(_scaling(OFFICE), SEVEN))
    begun = HOUR - 300.0 - PERIOD_SECONDS
    assert setting.policy_at(begun - PERIOD_SECONDS).min_replicas == 1
    assert setting.policy_at(begun).min_replicas == 6
    assert setting.policy_at(90 * 60).min_replicas == 6


def test_a_scheduled_fleet_serves_when_the_schedule_begins() -> None:
    done = _run(_setting(0.2, 3.0, OFFICE))
    before = HOUR - GPU.startup_seconds - 2 * PERIOD_SECONDS
    assert done.replicas[_step(before) - 1, 0] < 6
    assert done.ready[_step(HOUR) - 1 - _step(GPU.startup_seconds)] < 6
    assert done.ready[_step(HOUR) : _step(2 * HOUR)].min() == 6
    assert done.replicas[-1, 0] < 6


def test_the_most_of_a_schedule_hold_the_fleet_down() -> None:
    done = _run(_setting(5.0, 2.0, CALM, begin=datetime(2027, 1, 11, 6, tzinfo=ZoneInfo("UTC")).timestamp()))
    assert done.replicas[_step(HOUR + 9 * 60), 0] >= 6
    assert done.replicas[_step(HOUR + 11 * 60) : _step(HOUR + 39 * 60), 0].max() == 2
    assert done.replicas[-1, 0] >= 6


def test_a_fleet_begins_within_the_bounds_of_its_first_moment() -> None:
    assert _setting(0.2, 1.0, OFFICE, begin=SEVEN + HOUR).first == 6
    assert _setting(5.0, 1.0, CALM | {"start": "0 5 * * *"}, begin=SEVEN).first == 2


def test_a_fleet_that_may_sleep_keeps_one_replica() -> None:
    done = _run(_setting(0.0, 3.0, NIGHT, begin=SEVEN - 5 * HOUR))
    assert done.replicas[-1, 0] == 1


@pytest.mark.parametrize("name", [name for name in SCALERS if name != "static-peak"])
def test_every_policy_keeps_to_them(name: str) -> None:
    done = _run(_setting(0.2, 2.0, OFFICE), name)
    assert done.ready[_step(HOUR) : _step(2 * HOUR) - 2].min() == 6


def test_a_static_fleet_is_as_large_as_any_time_allows() -> None:
    large = OFFICE | {"minReplicas": None, "maxReplicas": 30}
    done = _run(_setting(40.0, 3.0, large), "static-peak")
    assert set(done.replicas[2:, 0]) == {30.0}
    assert set(_run(_setting(0.2, 3.0, OFFICE), "static-peak").replicas[2:, 0]) == {1.0}


def test_the_best_schedule_keeps_the_fewest_while_they_hold() -> None:
    """One replica for three hours, five more for one, and their starts."""
    setting = _setting(0.2, 3.0, OFFICE)
    best = bound(setting)
    wanted = 3 + 5 * (1 + GPU.startup_seconds / HOUR)
    assert best.clairvoyant == pytest.approx(wanted)
    assert best.clairvoyant99 == pytest.approx(wanted)


def test_without_a_timetable_the_policy_holds() -> None:
    setting = Setting(arriving((1.0, 30.0)), (GPU,), Policy(9, 3))
    assert setting.policy_at(600.0) == setting.widest == setting.policy
    assert set(setting.fewest.tolist()) == {3.0}
