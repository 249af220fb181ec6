"""Bounds of a ``replay``: from options, or a file's ``spec.scaling``; and when its schedules meet the trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import KIND
from qwen3_operator.autoscale.bounded import stamp
from qwen3_operator.cli.documents import read_deployments
from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.files import shown
from qwen3_operator.cli.replay_capacity import MOST
from qwen3_operator.cli.replay_rows import seconds_of
from qwen3_operator.scaling.simulate import Timetable

if TYPE_CHECKING:
    from qwen3_operator.api.scaling import Scaling
    from qwen3_operator.scaling.simulate import Setting

_DATED = 1e9
"""Seconds since the epoch, in September 2001: smaller times of a trace have no date."""
_MONDAY = datetime(2024, 1, 8, tzinfo=UTC).timestamp()
"""Second 0 of a trace without dates: a Monday on which no month begins or ends."""
_LAST = 1e11
"""Seconds since the epoch, after the year 5000: greater times are none, but perhaps milliseconds."""


@dataclass(frozen=True)
class Limits:
    """How few and how many replicas there may be."""

    fewest: int
    most: int
    scaling: Scaling | None = None
    """With schedules; None: the same bounds throughout."""
    begin: float | None = None
    """When the trace begins, as asked for, in seconds since the epoch; None: by the trace's own times."""

    def timetable(self, recorded: float) -> Timetable | None:
        """The schedules over a trace whose times begin at ``recorded`` seconds; None where there are none.

        Raises:
            InputError: that is no time at which anybody recorded a trace.
        """
        if self.scaling is None:
            return None
        begin = self.begin
        if begin is None:
            begin = recorded if recorded >= _DATED else _MONDAY + recorded
        if not 0 <= begin < _LAST:
            raise InputError(f"the trace begins at {recorded:g}, not in seconds since 1970: say --begin, for schedules")
        return Timetable(self.scaling, begin)

    def notes(self, setting: Setting, recorded: float) -> list[str]:
        """What a reader should know of the bounds."""
        if self.scaling is None or setting.timetable is None:
            return []
        begin = setting.timetable.begin
        undated = self.begin is None and recorded < _DATED
        why = ", since its times have no date: --begin says another" if undated else ""
        names = [one.name for one in self.scaling.schedules]
        held = {name for one in setting.scheduled for name in one.schedules}
        found = [f"the trace begins on {datetime.fromtimestamp(begin, UTC):%A}, {stamp(begin)}{why}"]
        found += [f"schedule {name} is never in force in it" for name in names if name not in held]
        if any(one.min_replicas == 0 for one in setting.scheduled):
            found.append("minReplicas 0 counts as 1: the fleet of a replay does not sleep")
        return found


def limits(file: str | None, fewest: int | None, most: int | None, begin: str | None) -> Limits:
    """Of the options ``--scaling``, ``--min-replicas``, ``--max-replicas`` and ``--begin``.

    Raises:
        InputError: they do not go together, or the file is none.
    """
    if file is None:
        if begin is not None:
            raise InputError("--begin says when schedules meet the trace: it needs --scaling")
        found = Limits(fewest or 1, most or MOST)
        if found.fewest > found.most:
            raise InputError("--min-replicas must not exceed --max-replicas")
        return found
    if fewest is not None or most is not None:
        raise InputError("--min-replicas and --max-replicas come from the file of --scaling: give one or the other")
    scaling = _scaling(file)
    if scaling.max_replicas is None:
        raise InputError(f"{shown(file)} has no spec.scaling.maxReplicas: a replay needs it")
    if begin is not None and not scaling.schedules:
        raise InputError(f"--begin says when schedules meet the trace: {shown(file)} has no spec.scaling.schedules")
    return Limits(
        fewest=max(1, scaling.min_replicas),
        most=scaling.max_replicas,
        scaling=scaling if scaling.schedules else None,
        begin=None if begin is None else _moment(begin),
    )


def _scaling(file: str) -> Scaling:
    documents = read_deployments([file])
    if len(documents) > 1:
        names = ", ".join(one.name for one in documents)
        raise InputError(f"{shown(file)} has {len(documents)} {KIND}s, {names}: a replay takes one")
    return documents[0].spec.scaling


def _moment(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise InputError(f"--begin {text}: no date and time; want one such as 2027-01-11T08:00+01:00") from error
