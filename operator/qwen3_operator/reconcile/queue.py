"""A keyed work queue in the manner of client-go: de-duplicating, delayed adds, backoff per key."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

BASE_DELAY = 0.5
"""Seconds before the first retry; doubles with each failure in a row."""
MAX_DELAY = 120.0


class Schedule(Generic[K]):
    """When each key is due. Pure: the time is an argument. A key is in it at most once, at its earliest time."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._sequence = 0
        self._held: set[K] = set()
        self._failures: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: K, when: float) -> None:
        """Make a key due at ``when``; an earlier time that is set already stays."""
        if self._due.get(key, float("inf")) <= when:
            return
        self._due[key] = when
        self._sequence += 1
        heapq.heappush(self._heap, (when, self._sequence, key))

    def pop(self, now: float) -> K | None:
        """The key that is due longest, and hold it: it does not come again before `done`."""
        waiting: list[tuple[float, int, K]] = []
        found: K | None = None
        while self._heap and self._heap[0][0] <= now and found is None:
            entry = heapq.heappop(self._heap)
            when, _, key = entry
            if self._due.get(key) != when:
                continue
            if key in self._held:
                waiting.append(entry)
                continue
            del self._due[key]
            self._held.add(key)
            found = key
        for entry in waiting:
            heapq.heappush(self._heap, entry)
        return found

    def next_due(self) -> float | None:
        """Earliest time at which `pop` may have a key. Held keys do not count: `done` wakes for them."""
        times = [when for key, when in self._due.items() if key not in self._held]
        return min(times, default=None)

    def done(self, key: K) -> None:
        """Release a key that `pop` gave."""
        self._held.discard(key)

    def retry(self, key: K, now: float) -> float:
        """Make a key due after its backoff. Returns the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay: float = min(BASE_DELAY * 2**failures, MAX_DELAY)
        self.add(key, now + delay)
        return delay

    def forget(self, key: K) -> None:
        """The key succeeded: the next failure starts with the shortest delay again."""
        self._failures.pop(key, None)


class WorkQueue(Generic[K]):
    """`Schedule` with a clock and waiting. One event loop only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._schedule: Schedule[K] = Schedule()
        self._clock = clock
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: K, delay: float = 0.0) -> None:
        """Ask for a reconcile, ``delay`` seconds from now at the latest."""
        self._schedule.add(key, self._clock() + delay)
        self._changed.set()

    async def get(self) -> K:
        """Wait for the next key. The caller must call `done` with it."""
        while True:
            self._changed.clear()
            key = self._schedule.pop(self._clock())
            if key is not None:
                self._changed.set()  # another worker may find more
                return key
            due = self._schedule.next_due()
            left = None if due is None else max(0.0, due - self._clock())
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the change.
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()

    def done(self, key: K) -> None:
        """Release a key."""
        self._schedule.done(key)
        self._changed.set()

    def retry(self, key: K) -> float:
        """Ask again after the key's backoff. Returns the delay in seconds."""
        delay = self._schedule.retry(key, self._clock())
        self._changed.set()
        return delay

    def forget(self, key: K) -> None:
        """Reset the key's backoff."""
        self._schedule.forget(key)
