"""Has the kernel killed something of this container for want of memory?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COUNTER_FILES = ("memory.events", "memory/memory.oom_control")
"""cgroup v2 and v1; both have a line ``oom_kill <count>``. In a container the root is the container's own group."""


def oom_kills(cgroup_root: Path) -> int:
    """Processes of this container that the kernel killed for memory so far; 0 where it is not counted."""
    for name in _COUNTER_FILES:
        path = cgroup_root / name
        if path.is_file():
            return _counter(path.read_text())
    return 0


def _counter(text: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == "oom_kill":
            return int(value)
    return 0
