"""Counts what a fetch has done, from any thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from qwen3_runtime.sources import FetchProgress

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_runtime.weights.fetch.errors import TransientError

_WINDOW_SECONDS = 15.0
"""The rate is the mean over so long: short enough to show a stall, long enough to read."""


class Meter:
    """Bytes, files and retries of one fetch. ``clock`` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes_total = 0
        self._files_total = 0
        self._bytes_done = 0
        self._files_done = 0
        self._received = 0
        self._retries = 0
        self._obstacle: TransientError | None = None
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])

    def expect(self, files: int, size: int) -> None:
        """Set the totals: the source has answered."""
        with self._lock:
            self._obstacle = None
            self._files_total, self._bytes_total = files, size

    def found(self, size: int) -> None:
        """Bytes of an earlier attempt are there (negative: are given up)."""
        with self._lock:
            self._bytes_done += size

    def received(self, size: int) -> None:
        """Bytes came over the network and lie on the disk."""
        with self._lock:
            self._bytes_done += size
            self._received += size
            self._obstacle = None

    def file_done(self) -> None:
        """A file's checksum was right."""
        with self._lock:
            self._files_done += 1

    def retried(self, obstacle: TransientError | None = None) -> None:
        """A request is going to be repeated. ``obstacle``: what keeps it from succeeding, where that is news."""
        with self._lock:
            self._retries += 1
            self._obstacle = self._obstacle or obstacle

    @property
    def obstacle(self) -> TransientError | None:
        """Told first since a byte or a listing came: several files have several, which would take turns."""
        return self._obstacle

    def progress(self) -> FetchProgress:
        """Where the fetch stands now."""
        with self._lock:
            rate = self._rate()
            left = self._bytes_total - self._bytes_done
            return FetchProgress(
                bytes_done=self._bytes_done,
                bytes_total=self._bytes_total,
                files_done=self._files_done,
                files_total=self._files_total,
                bytes_per_second=round(rate, 1),
                seconds_left=round(left / rate, 1) if rate else None,
                retries=self._retries,
            )

    def _rate(self) -> float:
        now = self._clock()
        self._samples.append((now, self._received))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW_SECONDS:  # noqa: PLR2004 - a span
            self._samples.popleft()
        since, before = self._samples[0]
        return (self._received - before) / (now - since) if now > since else 0.0
