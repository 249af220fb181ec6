"""``spec.scaling.schedules``: other bounds at times of the day, the week or the year."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from qwen3_operator.api.base import ApiModel, Rule

_DAYS, _MONTHS = "SUN|MON|TUE|WED|THU|FRI|SAT", "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_DAY_OF_MONTH = "(0?[1-9]|[12][0-9]|3[01])"
_MONTH, _DAY_OF_WEEK = f"(0?[1-9]|1[0-2]|(?i:{_MONTHS}))", f"([0-7]|(?i:{_DAYS}))"

CRON_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("minute", "0 to 59", "[0-5]?[0-9]", ""),
    ("hour", "0 to 23", "([01]?[0-9]|2[0-3])", ""),
    ("day of the month", "1 to 31, L (the last) or LW (the last weekday)", _DAY_OF_MONTH, "|(?i:LW?)"),
    ("month", "1 to 12 or JAN to DEC", _MONTH, ""),
    ("day of the week", "0 to 7 or SUN to SAT, as in 5L the last and in 1#2 the second", _DAY_OF_WEEK,
     f"|[0-7](?i:L)|{_DAY_OF_WEEK}#[1-5]"),
)  # fmt: skip
"""In the order of an expression: name, what it may hold, one value, and what may stand instead of a range.
As cronsim reads them, which is as Debian's cron does and L, LW and # beside."""

_FORM = "^[^ ]+( +[^ ]+){4}$"
_ZONE = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$"

Cron = Annotated[str, Field(max_length=64)]


def _example(**changes: Any) -> dict[str, Any]:
    """A spec with a schedule for office hours."""
    office = {"name": "office", "start": "0 8 * * MON-FRI", "end": "0 18 * * MON-FRI", "minReplicas": 2} | changes
    schedule = {key: value for key, value in office.items() if value is not None}
    return {"scaling": {"mode": "Auto", "maxReplicas": 8, "schedules": [schedule]}}


def _cron_rule(place: int, bad: str) -> Rule:
    """Both expressions hold at ``place`` what that field may."""
    name, values, value, beside = CRON_FIELDS[place]
    item = f"(([*]|{value}(-{value})?)(/[1-9][0-9]*)?{beside})"
    whole = f"^([^ ]+ +){{{place}}}{item}(,{item})*( +[^ ]+){{{4 - place}}}$"
    return Rule(
        " && ".join(f"(!self.{c}.matches('{_FORM}') || self.{c}.matches('{whole}'))" for c in ("start", "end")),
        f"spec.scaling.schedules: {name} (field {place + 1} of start and end) must be {values}; or a list, a range, "
        "a step (*/2) or *",
        good=_example(),
        bad=_example(end=bad),
    )


class Schedule(ApiModel):
    """Bounds that replace those of spec.scaling from each start to the next end."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """What decisions call it."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """Of start and end: a name of the IANA time zone database, e.g. Europe/Berlin."""
    start: Cron
    """When it begins: a cron expression of five fields, minute, hour, day of the month, month and day of the week, e.g.
    0 8 * * MON-FRI."""
    end: Cron
    """When it ends, likewise. Where an end and a start fall on the same moment it goes on."""
    min_replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Fewest replicas. They are begun as long before the start as a start-up takes. 0: it may sleep. Default: that of
    spec.scaling."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most replicas of all placements together. Default: that of spec.scaling."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.start.matches('{_FORM}') && self.end.matches('{_FORM}')",
            "spec.scaling.schedules: start and end must have five fields: minute, hour, day of the month, month and "
            "day of the week, such as 0 8 * * MON-FRI",
            good=_example(start="30  7 1,15 * *"),
            bad=_example(start="@weekly at eight"),
        ),
        _cron_rule(0, "60 18 * * *"),
        _cron_rule(1, "0 24 * * *"),
        _cron_rule(2, "0 18 0 * *"),
        _cron_rule(3, "0 18 * 13 *"),
        _cron_rule(4, "0 18 * * MO"),
        Rule(
            f"!has(self.timeZone) || self.timeZone.matches('{_ZONE}')",
            "spec.scaling.schedules: timeZone must be a name of the IANA time zone database such as Europe/Berlin",
            good=_example(timeZone="America/Argentina/Buenos_Aires"),
            bad=_example(timeZone="../etc/passwd"),
        ),
        Rule(
            "self.start != self.end",
            "spec.scaling.schedules: end must not be start",
            good=_example(),
            bad=_example(end="0 8 * * MON-FRI"),
        ),
        Rule(
            "has(self.minReplicas) || has(self.maxReplicas)",
            "spec.scaling.schedules: set minReplicas, maxReplicas or both",
            good=_example(minReplicas=None, maxReplicas=4),
            bad=_example(minReplicas=None),
        ),
        Rule(
            "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            "spec.scaling.schedules: minReplicas must not exceed maxReplicas",
            good=_example(minReplicas=12, maxReplicas=12),
            bad=_example(minReplicas=5, maxReplicas=4),
        ),
    )
