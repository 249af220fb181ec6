"""Tells an engine that hangs from one that works on something long. Pure.

Neither a long prompt nor a long queue leaves the workers' processors idle: they compute, or spin while the device does.
A worker that is stopped, waits for a lock or for a dead peer uses none. An engine that hangs on its device while its
worker spins is not seen here; SGLang ends itself then (``--watchdog-timeout``, 300 s).
"""

from __future__ import annotations

WORKING_SHARE = 0.01
"""Of one core over the limit: a worker with anything to do takes more, even where dozens of others want the core."""


class Watchdog:
    """Looks again and again."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._window: tuple[float, float] | None = None
        """When the present window began, and the processor seconds at that time."""

    def hangs(self, now: float, waiting_since: float | None, worked: float) -> bool:
        """Whether requests wait and nobody works on them, both for longer than the limit.

        Args:
            now: Seconds of a clock that never goes back.
            waiting_since: Time since when the request that waits longest has heard nothing of the engine; None: none
                waits, be it that its client does not take what is there.
            worked: Processor seconds of the engine's workers; less than before when one has ended.
        """
        if self._window is None or not 0 <= worked - self._window[1] < WORKING_SHARE * self._limit:
            self._window = (now, worked)
        if waiting_since is None:
            return False
        return now - max(waiting_since, self._window[0]) >= self._limit
