"""How long each step from the apply to the first token took, and how far a fetch of weights is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.bar import Bar
from rich.table import Table

from qwen3_operator.api.status import ConditionStatus, ConditionType
from qwen3_operator.reconcile.conditions import WITHOUT_ALARM
from qwen3_operator.reconcile.ledger import SCHEDULED, WEIGHTS_CHECKED, WEIGHTS_FETCHED
from qwen3_operator.sizing.text import gigabytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import RenderableType

    from qwen3_operator.api.status import Condition, StartupPhase, WeightsProgress

_JUDGED_BY = {
    SCHEDULED: ConditionType.SCHEDULED,
    WEIGHTS_FETCHED: ConditionType.WEIGHTS_READY,
    WEIGHTS_CHECKED: ConditionType.WEIGHTS_READY,
}
"""Steps with a condition of their own; of the others Ready tells."""
_BAR_WIDTH = 30
_MINUTE, _HOUR = 60, 3600


def startup_table(steps: Iterable[StartupPhase], conditions: Iterable[Condition] = ()) -> Table:
    """One row a step; the one that runs or fails last, a fetch with its bar."""
    failing = {found.type: found.reason for found in conditions if found.status is ConditionStatus.FALSE}
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for _ in range(2):
        table.add_column()
    for step in steps:
        table.add_row(step.phase, _took(step), *_state(step, _failure(step.phase, failing)))
    return table


def _took(step: StartupPhase) -> str:
    if step.finished_at is None:
        return "..."
    taken = datetime.fromisoformat(step.finished_at) - datetime.fromisoformat(step.started_at)
    return f"{taken.total_seconds():.1f} s"


def _failure(step: str, failing: Mapping[str, str]) -> str:
    """Why a step does not end; empty where it merely runs, or where what fails is another step of another pod.

    ``failing``: reasons of the conditions that are False.
    """
    finer = failing.keys() & {ConditionType.PLANNED, *_JUDGED_BY.values()}
    reason = failing.get(_JUDGED_BY.get(step, "") if finer else ConditionType.READY, "")
    return "" if not reason or reason in WITHOUT_ALARM else f"fails: {reason}"


def _state(step: StartupPhase, failure: str) -> tuple[RenderableType, str]:
    if step.weights is not None:
        return "", f"from {step.weights}"
    if step.progress is None:
        return "", "" if step.finished_at else failure or "runs"
    done = step.progress
    return Bar(done.bytes_total, 0, done.bytes_done, width=_BAR_WIDTH), _fetched(done, failure)


def _fetched(done: WeightsProgress, failure: str) -> str:
    amount = f"{done.percent} % of {gigabytes(done.bytes_total)}"
    if failure:
        return f"{amount}, {failure}"
    if done.seconds_left is None:
        return f"{amount}, nothing comes"
    return f"{amount}, {done.bytes_per_second / 1e6:.1f} MB/s, {_left(done.seconds_left)} left"


def _left(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds} s"
    return f"{seconds // _MINUTE} min" if seconds < _HOUR else f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"
