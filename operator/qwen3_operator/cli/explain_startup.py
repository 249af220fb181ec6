"""How long each step from the apply to the first token took, and how far a fetch of weights is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.bar import Bar
from rich.table import Table

from qwen3_operator.sizing.text import gigabytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from qwen3_operator.api.status import StartupPhase, WeightsProgress

_BAR_WIDTH = 30
_MINUTE, _HOUR = 60, 3600


def startup_table(steps: Iterable[StartupPhase]) -> Table:
    """One row a step; the one that runs last, a fetch with its bar."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for _ in range(2):
        table.add_column()
    for step in steps:
        table.add_row(step.phase, _took(step), *_state(step))
    return table


def _took(step: StartupPhase) -> str:
    if step.finished_at is None:
        return "..."
    taken = datetime.fromisoformat(step.finished_at) - datetime.fromisoformat(step.started_at)
    return f"{taken.total_seconds():.1f} s"


def _state(step: StartupPhase) -> tuple[RenderableType, str]:
    if step.weights is not None:
        return "", f"from {step.weights}"
    if step.progress is None:
        return "", "" if step.finished_at else "runs"
    done = step.progress
    return Bar(done.bytes_total, 0, done.bytes_done, width=_BAR_WIDTH), _fetched(done)


def _fetched(done: WeightsProgress) -> str:
    amount = f"{done.percent} % of {gigabytes(done.bytes_total)}"
    if done.seconds_left is None:
        return f"{amount}, nothing comes"
    return f"{amount}, {done.bytes_per_second / 1e6:.1f} MB/s, {_left(done.seconds_left)} left"


def _left(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds} s"
    return f"{seconds // _MINUTE} min" if seconds < _HOUR else f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"
