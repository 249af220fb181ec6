"""Which requests run, whether new ones are let in, and how running ones are ended from outside."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qwen3_runtime.config import Phase
from qwen3_runtime.server import errors
from qwen3_runtime.server.arrivals import Arrivals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_runtime.phases import Phases
    from qwen3_runtime.server.errors import ErrorAnswer


_LOOK_SECONDS = 0.1
"""Between two looks at requests that are waited for."""


class InterruptedRequestError(Exception):
    """A request ends for a reason that is not its own; ``answer`` is what its client gets."""

    def __init__(self, answer: ErrorAnswer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class Running:
    """One request between its admission and its last byte. Lives in one task."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - narrows the type: only coroutines come here
        self._task = task
        self.model = ""
        """What it asks of, once that is known."""
        self._why: ErrorAnswer | None = None
        self._is_over = False

    def interrupt(self, why: ErrorAnswer) -> None:
        """Make the request's task raise `InterruptedRequestError` where it waits. The first reason counts.

        A request that is over already, and only tells its client how, is left alone.
        """
        if self._why is None and not self._is_over:
            self._why = why
            self._task.cancel()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Turn the cancellation of `interrupt`, and no other, into `InterruptedRequestError`."""
        try:
            yield
        except asyncio.CancelledError:
            if self._why is None:
                raise
            self._task.uncancel()
            raise InterruptedRequestError(self._why) from None
        finally:
            self._is_over = True


class Traffic:
    """All requests of the API port."""

    def __init__(self, phases: Phases) -> None:
        self._phases = phases
        self._running: set[Running] = set()
        self._refuse_while_draining = False
        self.arrivals = Arrivals()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def closing(self) -> bool:
        """Whether answers should tell clients to reconnect elsewhere."""
        return self._phases.current is Phase.DRAINING

    @property
    def count(self) -> int:
        """Requests that run."""
        return len(self._running)

    def refusal(self) -> ErrorAnswer | None:
        """Why a new request is not let in at this moment, or None."""
        phase = self._phases.current
        if phase is Phase.READY:
            return None
        if phase is Phase.DRAINING and self._phases.passed(Phase.READY):
            return errors.shutting_down() if self._refuse_while_draining else None
        return errors.not_ready(phase)

    @contextmanager
    def admit(self) -> Iterator[Running]:
        """Count a request as running while the block runs."""
        running = Running()
        self.arrivals.note()
        self._running.add(running)
        self._idle.clear()
        try:
            yield running
        finally:
            self._running.discard(running)
            if not self._running:
                self._idle.set()

    async def without(self, model: str) -> None:
        """Wait until no request to this model runs."""
        while any(running.model == model for running in self._running):  # noqa: ASYNC110 - requests end in many ways
            await asyncio.sleep(_LOOK_SECONDS)

    def refuse_new(self) -> None:
        """End the part of a shutdown in which new requests are still served."""
        self._refuse_while_draining = True

    def interrupt_all(self, why: ErrorAnswer) -> None:
        """Give every running request its error."""
        for running in tuple(self._running):
            running.interrupt(why)

    async def idle(self, within: float) -> bool:
        """Wait until nothing runs, at most ``within`` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True
