"""How far a replay is, on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@contextmanager
def progress(names: Sequence[str]) -> Iterator[Callable[[str], Callable[[float], None]]]:
    """A bar per policy on standard error, nothing where that is no terminal; each is told the share that is done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {name: bars.add_task(name, total=1.0, start=False) for name in names}

        def told(name: str) -> Callable[[float], None]:
            bars.start_task(tasks[name])
            return lambda share: bars.update(tasks[name], completed=share)

        yield told
