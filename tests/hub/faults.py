"""What goes wrong with the next request for a file."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Fault:
    """One misbehaviour. Byte counts are of the answer's body, not of the file."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """The connection is closed in the middle."""
    stall_after: int | None = None
    """Nothing more is sent, and the connection stays open."""
    flip_at: int | None = None
    """One byte of the body is another one."""
    ignore_range: bool = False
    extra: bytes = b""
    """Sent after the file, and counted in its Content-Length."""


class Faults:
    """Faults by path, each for one request."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add(self, path: str, *faults: Fault) -> None:
        """Misbehave in this order at the next requests for a file."""
        with self._lock:
            self._queues[path].extend(faults)

    def take(self, path: str) -> Fault:
        """What to do at this request."""
        with self._lock:
            queue = self._queues[path]
            return queue.popleft() if queue else Fault()

    @property
    def left(self) -> int:
        """Faults that nobody has met yet."""
        with self._lock:
            return sum(map(len, self._queues.values()))


class Gate:
    """Lets so many bytes of content through, over all connections, and then none until it is opened."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._left: int | None = None
        self._generation = 0
        self.reached = threading.Event()

    def close_after(self, count: int) -> None:
        """Stop everything after so many more bytes."""
        with self._condition:
            self._left = count
            self.reached.clear()

    def open(self) -> None:
        """Let everything through but what waits: its reader is gone."""
        with self._condition:
            self._left = None
            self._generation += 1
            self._condition.notify_all()

    def pass_through(self, count: int) -> int:
        """Wait for leave to send up to ``count`` bytes; how many may go."""
        with self._condition:
            generation = self._generation
            while self._left == 0:
                self.reached.set()
                self._condition.wait()
                if generation != self._generation:
                    raise BrokenPipeError
            if self._left is None:
                return count
            allowed = min(count, self._left)
            self._left -= allowed
            return allowed
