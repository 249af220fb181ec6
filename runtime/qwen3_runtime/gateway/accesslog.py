"""One line a request: who, what, how much and how long. Never a word of prompts, answers or keys."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

    from qwen3_runtime.gateway.record import Record

WRITE_SECONDS = 0.2
"""Lines wait so long for others: a write a request would cost as much as the request's parsing."""


class AccessLog:
    """JSON lines to a file, in batches."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, record: Record) -> None:
        """Note one finished request."""
        usage = record.usage
        entry = {
            "time": _time(record.arrived_at),
            "id": record.request_id,
            "trace": record.trace,
            "tenant": record.tenant,
            "operation": record.operation,
            "model": record.model,
            "code": record.code,
            "seconds": round(record.seconds, 4),
            "waited": round(record.waited, 4),
            "replica": record.replica,
            "prompt": usage.prompt,
            "thinking": usage.thinking,
            "answer": usage.answer,
        }
        self._lines.append(json.dumps(entry))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines = self._lines, []
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()


def _time(moment: float) -> str:
    """As ``2026-01-31T12:34:56.789+00:00``."""
    milliseconds = int(moment * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}+00:00"


@lru_cache(maxsize=4)
def _second(number: int) -> str:
    return datetime.fromtimestamp(number, UTC).strftime("%Y-%m-%dT%H:%M:%S")
