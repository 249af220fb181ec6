"""One process fetches, the others wait: a lock file with a heartbeat.

`flock` and `fcntl` locks are local to a node, or missing, on some shared filesystems. What all of them have is: a file
is created by one process only (`O_EXCL`), a rename is atomic, and a written and synced file is seen by whoever opens
it afresh. The holder rewrites its file every few seconds; a file that has not changed for long, by the watcher's own
clock, was left by a process that died, and is taken over. No clock is compared between nodes.

Should two processes hold it at once all the same (one was frozen, then woke up), nothing is lost: both write the same
bytes to the same places, every file is checked as it lies on the disk, and the frozen one ends at its next beat.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError

from qwen3_runtime.contract import Contract
from qwen3_runtime.sources import FetchProgress  # noqa: TC001  # pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qwen3_runtime.weights.fetch.order import Pace

_UNREADABLE = "an unknown process"
_LOOKS = 4
_LOOK_SECONDS = 0.05


class LockRecord(Contract):
    """Content of the lock file."""

    holder: str
    """For people: the pod."""
    incarnation: str
    beat: int = 0
    progress: FetchProgress | None = None
    """So that those who wait can show how far it is, and others know how much room it will take."""
    removes: bool = False
    """The holder does not fetch the model but may be about to remove it: a whole model may be gone in a moment."""

    @property
    def is_known(self) -> bool:
        """Whether the file could be read."""
        return bool(self.incarnation)


class FetchLock:
    """The lock of one model in one volume."""

    def __init__(self, path: Path, record: LockRecord, pace: Pace, lost: Callable[[], NoReturn]) -> None:
        """``lost`` ends the process: it is called, from any thread, when somebody else has taken the lock."""
        self._path = path
        self._record = record
        self._pace = pace
        self._lost = lost
        self._file = -1
        self._beats = 0
        self._writing = threading.Lock()
        self._released = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True, name="lock")
        self.progress: Callable[[], FetchProgress | None] = lambda: None

    def acquire(self, waiting: Callable[[LockRecord], None], give_up: Callable[[LockRecord], bool]) -> bool:
        """Wait for the lock; False when ``give_up`` (asked at every look) says that it is needed no more.

        Both are told who has it.
        """
        seen, since = b"", time.monotonic()
        while not self._create():
            content = self._look()
            record = _parse(content)
            if give_up(record):
                return False
            if content != seen:
                seen, since = content, time.monotonic()
            mine = record.incarnation == self._record.incarnation
            if mine or time.monotonic() - since > self._pace.lock_stale_seconds:
                self._take_away(content)
                continue
            waiting(record)
            time.sleep(self._pace.lock_beat_seconds / 2)
        self._beating.start()
        return True

    def note(self) -> None:
        """Let others see the progress now, not at the next beat. A full disk is for the fetch to notice."""
        with contextlib.suppress(OSError), self._writing:
            self._beats += 1
            self._write(self._record.model_copy(update={"beat": self._beats, "progress": self.progress()}))

    def release(self) -> None:
        """Give the lock back, unless somebody took it."""
        if self._file < 0:
            return
        self._released.set()
        self._beating.join()
        if self._is_mine():
            self._path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = -1

    def require(self) -> None:
        """End here if somebody else has taken the lock."""
        if not self._is_mine():
            self._lost()

    def _create(self) -> bool:
        try:
            self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o664)
        except FileExistsError:
            return False
        self.note()
        return True

    def _look(self) -> bytes:
        """Opened anew each time: that is when a network filesystem asks its server."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

    def _take_away(self, stale: bytes) -> None:
        """Remove a dead process's file. Of several that try, one renames it; who caught a live one puts it back."""
        aside = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
        if self._look() != stale:
            return
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return
        if aside.read_bytes() != stale:
            with contextlib.suppress(OSError):  # a third process was faster; the live one ends at its next beat
                os.link(aside, self._path)
        aside.unlink()

    def _beat(self) -> None:
        while not self._released.wait(self._pace.lock_beat_seconds):
            self.require()
            self.note()

    def _is_mine(self) -> bool:
        """A missing file is looked for again: somebody may have caught it and be about to put it back."""
        for _ in range(_LOOKS):
            try:
                return os.path.samestat(os.fstat(self._file), self._path.stat())
            except FileNotFoundError:
                time.sleep(_LOOK_SECONDS)
        return False

    def _write(self, record: LockRecord) -> None:
        """In place, through the file that is held open: a successor's file is another one."""
        content = record.model_dump_json(by_alias=True, exclude_none=True).encode()
        os.pwrite(self._file, content, 0)
        os.ftruncate(self._file, len(content))
        os.fsync(self._file)


def read_lock(path: Path) -> LockRecord | None:
    """Who has a lock, as far as it can be read; None: nobody."""
    try:
        return _parse(path.read_bytes())
    except FileNotFoundError:
        return None


def _parse(content: bytes) -> LockRecord:
    """A file that is just being written may be empty or mixed: its holder may be about to do anything."""
    try:
        return LockRecord.model_validate_json(content)
    except ValidationError:
        return LockRecord(holder=_UNREADABLE, incarnation="", removes=True)
