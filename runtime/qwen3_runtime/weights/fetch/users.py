"""Who uses a model in a shared volume, so that nobody removes it from under an engine.

Each pod has a file beside the model and touches it every minute. A file that was not touched for a quarter of an hour
was left by a pod that died. Times are those that the volume gives: a network filesystem's server has one clock for all
nodes, and a node's own disk has the node's.

Who uses a model marks it and then looks for the lock of whoever removes it; who removes it takes the lock and then
looks for marks. One of the two sees the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BEAT_SECONDS = 60.0
DEAD_SECONDS = 900.0
"""Longer than nodes' clocks differ, for the filesystems whose clients give the time."""
_FAREWELL_SECONDS = 2.0
"""For a volume that does not answer any more."""


def clock(volume: Path) -> float:
    """The time, in seconds since the epoch, that the volume gives to what is written now."""
    with tempfile.TemporaryFile(dir=volume) as file:
        return os.fstat(file.fileno()).st_mtime


class Users:
    """The marks beside one model."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def enter(self, name: str) -> None:
        """Mark the model as used, or still used, by ``name``."""
        self._folder.mkdir(exist_ok=True)
        (self._folder / name).touch()

    def leave(self, name: str) -> None:
        """Take the mark away. When it was is seen from the folder."""
        (self._folder / name).unlink(missing_ok=True)

    def active(self, now: float) -> tuple[str, ...]:
        """Names of the pods that live, sorted."""
        return tuple(sorted(mark.name for mark, touched in self._marks() if now - touched < DEAD_SECONDS))

    def last_use(self) -> float | None:
        """When somebody used the model last; None: nobody ever marked it."""
        times = [touched for _, touched in self._marks()]
        with contextlib.suppress(FileNotFoundError):
            times.append(self._folder.stat().st_mtime)
        return max(times, default=None)

    def forget(self, now: float) -> None:
        """Remove what the dead left. Somebody who came meanwhile keeps the mark."""
        for mark, touched in self._marks():
            if now - touched >= DEAD_SECONDS:
                mark.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _marks(self) -> Iterator[tuple[Path, float]]:
        marks = []
        with contextlib.suppress(FileNotFoundError):
            marks = list(self._folder.iterdir())
        for mark in marks:
            with contextlib.suppress(FileNotFoundError):
                yield mark, mark.stat().st_mtime


class Use:
    """This pod's mark, kept alive by a thread: whoever waits for a dead volume, it is not the event loop."""

    def __init__(self, users: Users, name: str) -> None:
        self._users = users
        self._name = name
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="use")

    def begin(self) -> None:
        """Mark the model until `end`."""
        self._thread.start()

    async def end(self) -> None:
        """The pod ends."""
        self._ended.set()
        last = time.monotonic() + _FAREWELL_SECONDS
        while self._thread.is_alive() and time.monotonic() < last:  # noqa: ASYNC110 - a thread has no event
            await asyncio.sleep(0.01)

    def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError):  # the fetch says what is wrong with the volume, and says it better
                self._users.enter(self._name)
            if self._ended.wait(_BEAT_SECONDS):
                break
        with contextlib.suppress(OSError):
            self._users.leave(self._name)
