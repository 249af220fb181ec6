"""The engine's output: passed on as it is, the last lines kept."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import deque
from typing import IO, TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT_LINES = 40
KEPT_LINE_BYTES = 1000
_LINE_END = re.compile(rb"[\r\n]+")  # a progress bar ends its lines with \r


class EngineLog(asyncio.Protocol):
    """Reader of the engine's stdout and stderr, which are one pipe."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._lines: deque[bytes] = deque(maxlen=KEPT_LINES)
        self._rest = b""
        self.closed = asyncio.Event()
        """Set when every process that could write has ended."""

    @classmethod
    async def read(cls, pipe: IO[bytes]) -> EngineLog:
        """Start reading ``pipe`` in the running loop; lines go to this process's stdout."""
        sys.stdout.flush()
        loop = asyncio.get_running_loop()
        _, log = await loop.connect_read_pipe(lambda: cls(_to_stdout), pipe)
        return log

    @property
    def lines(self) -> tuple[str, ...]:
        """Last lines, oldest first, each cut to `KEPT_LINE_BYTES`; blank ones are left out."""
        kept = [*self._lines, self._rest] if self._rest else self._lines
        return tuple(line[:KEPT_LINE_BYTES].decode(errors="replace") for line in kept)

    def forget(self) -> None:
        """Drop the kept lines: what was said at the start explains nothing later."""
        self._lines.clear()

    @override
    def data_received(self, data: bytes) -> None:
        self._write(data)
        *lines, self._rest = _LINE_END.split(self._rest + data)
        self._lines.extend(line for line in lines if line.strip())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


def _to_stdout(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
