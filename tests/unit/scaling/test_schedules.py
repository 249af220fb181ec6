"""Bounds at a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from qwen3_operator.api.scaling import Scaling
from qwen3_operator.scaling.schedules import Bounds, bounds, problems

BERLIN = "Europe/Berlin"
OFFICE = {"name": "office", "timeZone": BERLIN, "start": "0 8 * * MON-FRI", "end": "0 18 * * MON-FRI", "minReplicas": 4}
NIGHT = {"name": "night", "timeZone": BERLIN, "start": "0 22 * * *", "end": "0 6 * * *", "minReplicas": 0}
MONTH_END = {"name": "closing", "start": "0 0 L * *", "end": "0 0 1 * *", "minReplicas": 6, "maxReplicas": 20}


def at(text: str, zone: str = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def scaling(*schedules: dict[str, Any], fewest: int = 1, most: int = 10) -> Scaling:
    return Scaling.model_validate({"minReplicas": fewest, "maxReplicas": most, "schedules": schedules})


def fewest(given: Scaling, text: str, *, ahead: float = 0.0, fold: int = 0) -> int:
    return bounds(given, at(text, fold=fold), ahead).min_replicas


def test_without_schedules_the_spec_holds() -> None:
    assert bounds(scaling(fewest=0), at("2027-01-13 12:00"), 180.0) == Bounds(0, 10)


def test_office_hours() -> None:
    given = scaling(OFFICE)
    inside = bounds(given, at("2027-01-13 08:00"), 0.0)
    assert inside == Bounds(4, 10, schedules=("office",), until=at("2027-01-13 18:00"))
    assert bounds(given, at("2027-01-13 07:59:59"), 0.0) == Bounds(1, 10, until=at("2027-01-13 08:00"))
    assert bounds(given, at("2027-01-13 18:00"), 0.0) == Bounds(1, 10, until=at("2027-01-14 08:00"))
    assert bounds(given, at("2027-01-16 12:00"), 0.0).until == at("2027-01-18 08:00")


def test_a_start_up_ahead_the_fewest_are_begun_and_no_more_than_those() -> None:
    given = scaling(OFFICE | {"minReplicas": 12, "maxReplicas": 30})
    assert bounds(given, at("2027-01-13 07:56:59"), 180.0) == Bounds(1, 10, until=at("2027-01-13 08:00"))
    before = bounds(given, at("2027-01-13 07:57:00"), 180.0)
    assert before == Bounds(12, 12, beginning=("office",), until=at("2027-01-13 08:00"))
    assert bounds(given, at("2027-01-13 08:00"), 180.0).max_replicas == 30


def test_the_fewest_of_the_spec_are_begun_before_a_schedule_ends() -> None:
    given = scaling(NIGHT, fewest=3)
    assert fewest(given, "2027-01-13 05:56", ahead=180.0) == 0
    assert fewest(given, "2027-01-13 05:57", ahead=180.0) == 3
    assert bounds(given, at("2027-01-13 05:57"), 180.0).beginning == ()


def test_a_window_shorter_than_a_start_up_is_begun_too() -> None:
    short = OFFICE | {"start": "0 8 * * *", "end": "1 8 * * *"}
    assert fewest(scaling(short), "2027-01-13 07:50", ahead=600.0) == 4
    assert fewest(scaling(short), "2027-01-13 07:59:30", ahead=600.0) == 4
    assert fewest(scaling(short), "2027-01-13 08:01", ahead=600.0) == 1


def test_over_midnight() -> None:
    given = scaling(NIGHT, fewest=2)
    moments = {"21:59": 2, "22:00": 0, "23:59": 0, "00:00": 0, "05:59": 0, "06:00": 2}
    assert {time: fewest(given, f"2027-01-13 {time}") for time in moments} == moments


def test_months_end() -> None:
    given = scaling(MONTH_END)
    days = {"2027-01-31": 6, "2027-02-01": 1, "2027-02-27": 1, "2027-02-28": 6, "2028-02-28": 1, "2028-02-29": 6}
    assert {day: bounds(given, at(f"{day} 12:00", "UTC"), 0.0).min_replicas for day in days} == days
    assert bounds(given, at("2028-02-29 12:00", "UTC"), 0.0).max_replicas == 20


def test_the_hour_that_spring_skips() -> None:
    early = scaling(OFFICE | {"start": "30 2 * * *", "end": "30 4 * * *"})
    assert fewest(early, "2026-03-29 01:59") == 1
    assert fewest(early, "2026-03-29 03:00") == 4, "02:30 does not exist: the first moment after it"
    assert fewest(early, "2026-03-29 04:30") == 1
    within = scaling(OFFICE | {"start": "15 2 * * *", "end": "45 2 * * *"})
    assert fewest(within, "2026-03-29 03:00") == 4, "both at once: it goes on"
    assert fewest(within, "2026-03-30 02:45") == 1


def test_the_hour_that_autumn_has_twice() -> None:
    given = scaling(OFFICE | {"start": "30 2 * * *", "end": "0 3 * * *"})
    moments = [("02:29", 0, 1), ("02:30", 0, 4), ("02:00", 1, 4), ("02:29", 1, 4), ("02:59", 1, 4), ("03:00", 0, 1)]
    for time, fold, wanted in moments:
        assert fewest(given, f"2026-10-25 {time}", fold=fold) == wanted, (time, fold)


def test_of_several_the_largest_hold() -> None:
    noon = OFFICE | {"name": "noon", "start": "0 11 * * *", "end": "0 14 * * *", "minReplicas": 3, "maxReplicas": 5}
    both = bounds(scaling(OFFICE, noon, most=8), at("2027-01-13 12:00"), 0.0)
    assert both == Bounds(4, 5, schedules=("office", "noon"), until=at("2027-01-13 14:00"))
    cap = noon | {"minReplicas": None, "maxReplicas": 2}
    assert bounds(scaling(OFFICE, cap), at("2027-01-13 12:00"), 0.0).max_replicas == 4, "the fewest win"


def test_a_start_at_the_end_goes_on() -> None:
    days = OFFICE | {"start": "0 0 * * MON-FRI", "end": "0 0 * * TUE-SAT"}
    given = scaling(days)
    assert [fewest(given, f"2027-01-{day} 00:00") for day in (17, 18, 19, 22, 23, 24)] == [1, 4, 4, 4, 1, 1]


def test_what_never_ended_goes_on() -> None:
    leap = OFFICE | {"start": "0 0 1 1 *", "end": "0 0 29 2 *"}
    assert fewest(scaling(leap), "2027-06-01 00:00") == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timeZone": "Europe/Berln"}, "schedules[office].timeZone is Europe/Berln: .*nearest: Europe/Berlin"),
        ({"start": "0 18-8 * * *"}, r"schedules[office].start is 0 18-8 * * *: hour is 18-8"),
        ({"end": "0 9 30 2 *"}, "schedules[office].end is 0 9 30 2 *: there is no such day"),
        ({"end": "0 08 * * 1-5"}, "schedules[office].end is 0 08 * * 1-5: it must not be the same as start"),
    ],
)
def test_one_with_a_problem_is_named_and_left_out(change: dict[str, str], words: str) -> None:
    given = scaling(OFFICE | change, NIGHT)
    (problem,) = problems(given.schedules)
    assert all(part in problem for part in words.split(".*"))
    assert bounds(given, at("2027-01-13 23:00"), 0.0).schedules == ("night",)
