"""Processes as the kernel shows them: reading ``/proc`` and reaping what ended."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36


_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One line of ``/proc/<pid>/stat``."""

    pid: int
    name: str
    """At most 15 characters (the kernel's limit)."""
    state: str
    session: int
    processor_seconds: float
    """User and system time so far."""

    @property
    def alive(self) -> bool:
        """Neither a zombie nor being removed."""
        return self.state not in "ZXx"


def parse_stat(line: str) -> Process:
    """Fields 1, 2, 3, 6, 14 and 15 of proc_pid_stat(5). The name may hold blanks and brackets: the last one ends it."""
    pid, _, rest = line.partition(" (")
    name, _, fields = rest.rpartition(") ")
    state, _parent, _group, session, *others = fields.split()
    ticks = int(others[7]) + int(others[8])
    return Process(int(pid), name, state, int(session), ticks / _TICKS_PER_SECOND)


def look(pid: int) -> Process | None:
    """The process ``pid``, or None when there is none any more."""
    try:
        return parse_stat((PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def session_members(session: int) -> list[Process]:
    """Every process of ``session``: the engine and all its children."""
    seen = (look(int(entry.name)) for entry in PROC.iterdir() if entry.name.isdigit())
    return [process for process in seen if process is not None and process.session == session]


def adopt_orphans() -> None:
    """Become the parent of the engine's orphans, which process 1 of a container is anyway."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(engine: int) -> int | None:
    """Reap every ended child. Exit code of ``engine`` (negative: its signal) when it was among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == engine:
            code = os.waitstatus_to_exitcode(status)
