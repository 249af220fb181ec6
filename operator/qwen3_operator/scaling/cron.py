"""Moments of a cron expression in a time zone, as seconds since the epoch; and what is wrong with either.

A moment that the clock skips in spring comes when the clock has moved on; one that comes twice in autumn counts once,
the first time, unless the expression has a star in minute or hour. So does Debian's cron.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from qwen3_operator.api.schedule import CRON_FIELDS

MINUTE = 60
_CLOCK_CHANGE = 3 * 3600
"""Seconds; a clock changes by less (Debian's cron takes larger steps for a corrected clock)."""
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def last(expression: str, zone: str, now: float) -> float | None:
    """The latest moment that is not after ``now``; None where there was none in 50 years."""
    return _last(expression, zone, int(now // MINUTE) * MINUTE)


def following(expression: str, zone: str, now: float) -> float | None:
    """The first moment after ``now``; None where there is none in 50 years."""
    return _following(expression, zone, int(now // MINUTE) * MINUTE)


@lru_cache(maxsize=4096)
def _last(expression: str, zone: str, minute: int) -> float | None:
    begin = datetime.fromtimestamp(minute + 1 + _around(zone, minute), ZoneInfo(zone))
    moments = (moment.timestamp() for moment in CronSim(expression, begin, reverse=True))
    return next((moment for moment in moments if moment <= minute), None)


@lru_cache(maxsize=4096)
def _following(expression: str, zone: str, minute: int) -> float | None:
    begin = datetime.fromtimestamp(minute - _around(zone, minute), ZoneInfo(zone))
    moments = (moment.timestamp() for moment in CronSim(expression, begin))
    return next((moment for moment in moments if moment > minute), None)


def _around(zone: str, minute: int) -> int:
    """How far off to begin: near a change of the clock the wall clock alone does not say what comes first."""
    offsets = {
        datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()
        for at in (minute - _CLOCK_CHANGE, minute + _CLOCK_CHANGE)
    }
    return _CLOCK_CHANGE if len(offsets) > 1 else 0


@cache
def cron_problem(expression: str) -> str:
    """Which field is wrong and what it may hold; empty where none is."""
    fields = expression.split()
    if len(fields) != len(CRON_FIELDS):
        return "it must have five fields: minute, hour, day of the month, month and day of the week"
    for place, (field, (name, values, *_)) in enumerate(zip(fields, CRON_FIELDS, strict=True)):
        alone = ["*"] * len(fields)
        alone[place] = field
        if not _comes(" ".join(alone)):
            return f"{name} is {field}: it must be {values}; or a list, a range, a step (*/2) or *"
    return "" if _comes(expression) else "there is no such day in 50 years"


def _comes(expression: str) -> bool:
    try:
        return next(CronSim(expression, _SOME_DAY), None) is not None
    except CronSimError:
        return False


def same(one: str, other: str) -> bool:
    """Whether two expressions without a problem mean the same, however they are written."""
    first, second = (CronSim(expression, _SOME_DAY) for expression in (one, other))
    parts = ("minutes", "hours", "days", "months", "weekdays", "day_and")
    return all(getattr(first, part) == getattr(second, part) for part in parts)


@cache
def zone_problem(name: str) -> str:
    """The nearest names where there is no time zone of this one; empty where there is."""
    known = sorted(available_timezones())
    if name in known:
        return ""
    by_lower = {zone.lower(): zone for zone in known}
    city = name.lower().rpartition("/")[2]
    named = [zone for zone in known if zone.lower().rpartition("/")[2] == city]
    close = named or [by_lower[near] for near in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    nearest = f"nearest: {', '.join(close)}" if close else "such as Europe/Berlin or UTC"
    return f"it must be a name of the IANA time zone database; {nearest}"
