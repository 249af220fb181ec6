"""Moments of cron expressions, also where the clock changes; and what is said of wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from qwen3_operator.api.schedule import Schedule
from qwen3_operator.cli.rules import broken_rules
from qwen3_operator.scaling.cron import cron_problem, following, last, same, zone_problem
from tests.api.given import whole

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize(
    "expression", ["30 2 * * *", "45 2 * * *", "0 3 * * *", "15 1 * * SUN", "*/20 * * * *", "10 */2 * * *"]
)
def test_every_minute_around_a_change_of_the_clock(day: str, expression: str) -> None:
    noon_before = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC) - timedelta(days=1)
    week_before = (noon_before - timedelta(days=8)).astimezone(ZoneInfo(BERLIN))
    moments = []
    for moment in CronSim(expression, week_before):
        moments.append(moment.timestamp())
        if moment > noon_before + timedelta(days=9):
            break
    begin = noon_before.timestamp()
    for now in (begin + 60 * minute for minute in range(2 * 24 * 60)):
        assert last(expression, BERLIN, now) == max(moment for moment in moments if moment <= now)
        assert following(expression, BERLIN, now + 59) == min(moment for moment in moments if moment > now)


def test_what_spring_skips_comes_at_three() -> None:
    assert following("30 2 * * *", BERLIN, at("2026-03-29 00:00")) == at("2026-03-29 03:00")


def test_what_autumn_has_twice_comes_once() -> None:
    first = at("2026-10-25 02:30")
    assert following("30 2 * * *", BERLIN, at("2026-10-25 00:00")) == first
    again = at("2026-10-25 02:30", fold=1)
    assert again == first + 3600
    assert last("30 2 * * *", BERLIN, again) == first
    assert following("30 2 * * *", BERLIN, first) == at("2026-10-26 02:30")


def test_ends_of_months() -> None:
    assert following("0 9 L * *", "UTC", at("2028-02-01", "UTC")) == at("2028-02-29 09:00", "UTC")
    assert following("0 9 31 * *", "UTC", at("2027-01-31 09:00", "UTC")) == at("2027-03-31 09:00", "UTC")
    assert last("0 9 LW * *", "UTC", at("2027-02-28 12:00", "UTC")) == at("2027-02-26 09:00", "UTC")
    assert last("0 9 31 * *", "UTC", at("2027-03-01", "UTC")) == at("2027-01-31 09:00", "UTC")


GOOD = ["0 9 * * *", "*/5 8-18/2 1,15,L JAN-mar,12 MON-fri", "59 23 31 12 7", "0 0 LW * 5L", "0 0 * * 1#2,TUE#3"]
BAD = {
    "60 9 * * *": "minute is 60: it must be 0 to 59",
    "0 24 * * *": "hour is 24: it must be 0 to 23",
    "0 9 32 * *": "day of the month is 32: it must be 1 to 31",
    "0 9 * 13 *": "month is 13: it must be 1 to 12",
    "0 9 * * MO": "day of the week is MO: it must be 0 to 7 or SUN to SAT",
    "*/0 9 * * *": "minute is */0",
    "0 9 * *": "five fields",
    "0 0 9 * * *": "five fields",
    "@daily": "five fields",
}


@pytest.mark.parametrize("expression", GOOD)
def test_what_is_good_is_taken_at_apply_and_here(expression: str) -> None:
    assert cron_problem(expression) == ""
    assert _refusals(expression) == []


@pytest.mark.parametrize(("expression", "words"), BAD.items())
def test_what_is_bad_is_named_at_apply_and_here(expression: str, words: str) -> None:
    assert words in cron_problem(expression)
    assert len(_refusals(expression)) == 1


@pytest.mark.parametrize(
    ("expression", "words"),
    [("0 18-8 * * *", "hour is 18-8"), ("0 9 30 2 *", "no such day"), ("0 9 31 4,6 *", "no such day")],
)
def test_what_rules_cannot_say_is_named_here(expression: str, words: str) -> None:
    assert words in cron_problem(expression)
    assert _refusals(expression) == []


def _refusals(expression: str) -> list[str]:
    office = {"name": "office", "start": expression, "end": "1 1 1 1 1", "minReplicas": 1}
    messages = broken_rules(whole(scaling={"mode": "Auto", "maxReplicas": 2, "schedules": [office]}))
    return [message for message in messages if message in {rule.message for rule in Schedule.RULES}]


def test_the_same_in_other_words() -> None:
    assert same("0 9 * * MON-FRI", "00 9 * * 1,2,3,4,5")
    assert not same("0 9 * * MON-FRI", "0 9 * * MON-SAT")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Europe/Berln", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin"),
     ("Germany/Berlin", "Europe/Berlin"), ("Asia/Shangai", "Asia/Shanghai"), ("Qqqqqqq", "such as"),
     ("Europe", "Europe/"), ("../UTC", "nearest")],
)  # fmt: skip
def test_an_unknown_zone_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    assert nearest in zone_problem(name)


def test_known_zones() -> None:
    assert [zone_problem(name) for name in ("UTC", BERLIN, "America/Argentina/Buenos_Aires")] == ["", "", ""]
