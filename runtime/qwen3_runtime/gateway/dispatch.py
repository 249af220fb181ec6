"""Waiting for a replica: in flight is capped at each, and who waits longer than is stated gets an answer too."""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.gateway import errors
from qwen3_runtime.gateway.lateness import Lateness
from qwen3_runtime.gateway.prefixes import NO_PROMPT, Prompt
from qwen3_runtime.gateway.queue import FairQueue
from qwen3_runtime.gateway.replicas import Replica, Replicas
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from qwen3_runtime.gateway.estimate import Estimate
    from qwen3_runtime.server.errors import ErrorAnswer
    from qwen3_runtime.tenancy import Route, Tenant

SERVICE_MEMORY = 0.05
"""Weight of the newest request in the mean time at a replica: about the last twenty count."""
COLD_START_SECONDS = 60.0
"""Told to clients of a sleeping model whose start-up nobody has seen yet."""


@dataclass(frozen=True)
class Patience:
    """Seconds after which a request that still waits is refused."""

    busy: float
    """While there are replicas, or should be."""
    sleeping: float
    """While the model wakes."""


@dataclass(frozen=True)
class _Waiting:
    """Who waits in the queue."""

    future: asyncio.Future[Replica]
    prompt: Prompt
    avoid: AbstractSet[Replica]


class Dispatcher:
    """Gives requests of one model to its replicas."""

    def __init__(self, route: Route, patience: Patience) -> None:
        self.route = route
        self.replicas = Replicas()
        self.queue = FairQueue()
        self._patience = patience
        self._waiting: dict[int, _Waiting] = {}
        self._service_seconds = 1.0
        self._lateness = Lateness()
        self._look_again: asyncio.TimerHandle | None = None
        self.demanded_at: float | None = None
        """Loop time at which a request last came while the model slept."""
        self.is_asleep = False
        """Whether a request must wait for a start-up: the model sleeps, or slept and has no replica yet."""

    @property
    def wake_seconds(self) -> float:
        """From a request to the first replica, as start-ups have been."""
        return COLD_START_SECONDS if self.route.wake_seconds is None else self.route.wake_seconds

    def update(self, route: Route) -> None:
        """Take over a changed route."""
        self.route = route
        self.replicas.update(route.endpoints)
        self.is_asleep = not route.endpoints and (route.sleeping or self.is_asleep)
        self._pump()

    async def acquire(
        self,
        tenant: Tenant,
        estimate: Estimate,
        work: float,
        arrived: float,
        prompt: Prompt = NO_PROMPT,
        *,
        avoid: AbstractSet[Replica] = frozenset(),
    ) -> Replica:
        """A replica with room, whose request must be given back with `release`. ``arrived`` is loop time.

        Of ``avoid`` one is taken only where no other has room.

        Raises:
            InterruptedRequestError: the queue is full or the request has waited as long as it may.
        """
        name, priority = tenant.name, tenant.priority
        now = _now()
        if self.is_asleep:
            self.demanded_at = now
            if self.wake_seconds > self._patience.sleeping:
                raise InterruptedRequestError(errors.asleep(self.route.name, self.wake_seconds))
        if not self.queue and (replica := self.replicas.choose(now, prompt, avoid)) is not None:
            self.queue.pass_by(name, weight=priority.weight, work=work)
            replica.in_flight += 1
            return replica
        if not self.queue.admits(name):
            raise InterruptedRequestError(errors.queue_full(self.route.name, self._drain_seconds()))
        start_by = arrived + self._slack(estimate)
        one = self.queue.push(name, level=priority.level, weight=priority.weight, work=work, start_by=start_by)
        future: asyncio.Future[Replica] = asyncio.get_running_loop().create_future()
        self._waiting[one.number] = _Waiting(future, prompt, avoid)
        self._pump()
        try:
            async with asyncio.timeout_at(arrived + self._bound()):
                return await future
        except TimeoutError:
            self._give_back(future)
            raise InterruptedRequestError(self._too_long()) from None
        except asyncio.CancelledError:
            self._give_back(future)
            raise
        finally:
            self.queue.remove(one)
            self._waiting.pop(one.number, None)

    def release(self, replica: Replica, seconds: float) -> None:
        """The request of `acquire` has ended after so long at the replica."""
        replica.in_flight -= 1
        self._service_seconds += SERVICE_MEMORY * (seconds - self._service_seconds)
        self._pump()

    def note_first(self, estimate: Estimate, seconds: float) -> None:
        """A stream's first token came so long after its request went to a replica."""
        self._lateness.add(seconds - self._prompt_seconds(estimate))

    @contextmanager
    def spare(self) -> Iterator[Replica | None]:
        """A replica with room at once, for what is not worth waiting for and no work; None: all are busy."""
        replica = None if self.queue else self.replicas.choose(_now())
        if replica is None:
            yield None
            return
        replica.in_flight += 1
        try:
            yield replica
        finally:
            replica.in_flight -= 1
            self._pump()

    def _pump(self) -> None:
        """Serve who waits while there is room."""
        while self.queue and self.replicas.has_room(_now()):
            one = self.queue.pop(_now())
            if one is None:
                return
            waiting = self._waiting.pop(one.number)
            if waiting.future.done():
                continue
            if (replica := self.replicas.choose(_now(), waiting.prompt, waiting.avoid)) is not None:
                replica.in_flight += 1
                waiting.future.set_result(replica)
        if self.queue:
            self._look_when_one_returns()

    def _look_when_one_returns(self) -> None:
        out = [replica.out_until for replica in self.replicas if replica.out_until > _now()]
        if self._look_again is not None:
            self._look_again.cancel()
            self._look_again = None
        if out:
            self._look_again = asyncio.get_running_loop().call_at(min(out) + 0.001, self._pump)

    def _give_back(self, future: asyncio.Future[Replica]) -> None:
        """A replica was given in the same moment in which the request ended."""
        if future.done() and not future.cancelled():
            future.result().in_flight -= 1
            self._pump()

    def _slack(self, estimate: Estimate) -> float:
        """Seconds that may pass until the prompt must be at a replica to meet the first-token target."""
        target = self.route.first_token_target_seconds
        if target is None:
            return math.inf
        # Not more than half of it, or a slow replica would make all late alike.
        return target - self._prompt_seconds(estimate) - min(self._lateness.margin, target / 2)

    def _prompt_seconds(self, estimate: Estimate) -> float:
        """From the start at a replica to the first token, by the plan."""
        speeds = [one.prompt_tokens_per_second for one in self.route.endpoints if one.prompt_tokens_per_second]
        return estimate.prompt / max(speeds) if speeds else 0.0

    def _bound(self) -> float:
        return self._patience.sleeping if self.is_asleep else self._patience.busy

    def _drain_seconds(self) -> float:
        """Until those that wait now have started, at the pace of the last requests."""
        slots = sum(replica.endpoint.max_in_flight for replica in self.replicas)
        return len(self.queue) * self._service_seconds / slots if slots else self._patience.busy

    def _too_long(self) -> ErrorAnswer:
        if self.is_asleep:
            return errors.asleep(self.route.name, self.wake_seconds)
        if not len(self.replicas):
            return errors.no_replica(self.route.name, self._patience.busy)
        return errors.waited_too_long(self.route.name, self._patience.busy, self._drain_seconds())


def _now() -> float:
    return asyncio.get_running_loop().time()
