"""A call to one of a model's replicas, and to another where the first gave no byte."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from qwen3_runtime.gateway import errors
from qwen3_runtime.server.connection import EngineError, UnreachableError
from qwen3_runtime.server.errors import ADAPTER_CHANGING, MODEL_NOT_FOUND, adapter_changing
from qwen3_runtime.server.traffic import InterruptedRequestError
from qwen3_runtime.server.via import GATEWAY_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from qwen3_runtime.gateway.call import Call
    from qwen3_runtime.gateway.dispatch import Dispatcher
    from qwen3_runtime.gateway.estimate import Estimate
    from qwen3_runtime.gateway.metrics import Metrics
    from qwen3_runtime.gateway.operations import Operation
    from qwen3_runtime.gateway.record import Record
    from qwen3_runtime.gateway.relay import Relay
    from qwen3_runtime.gateway.replicas import Replica
    from qwen3_runtime.server.asgi import Header
    from qwen3_runtime.server.connection import Connection
    from qwen3_runtime.server.errors import ErrorAnswer
    from qwen3_runtime.tenancy import Tenant

ATTEMPTS = 2
"""A request that kills the engine must not reach every replica. A connection that none accepts is no attempt: the nodes
of replicas refuse a new gateway pod until their NetworkPolicies know its address."""
UNREACHED_SECONDS = 30.0
"""For which a request goes from one replica to the next that accepts no connection; each may take five to say so."""
CHANGING = b'"code": "%s"' % ADAPTER_CHANGING.encode()
"""In a replica's 503: the adapter that is asked for is just being replaced there."""
LACKING = b'"code": "%s"' % MODEL_NOT_FOUND.encode()
"""In a replica's 404: it has not the adapter that is asked for, or not yet."""
CHANGING_SECONDS = 1.0
"""Until a replica is asked again that exchanges or lacks the adapter, where no other has room. About what a load
takes."""
COMMENT_SECONDS = 10.0
"""Between two signs of life to a stream that waits for a model to wake; proxies cut silent ones after 60 s."""
REQUEST_HEADERS = frozenset((b"content-type", b"accept", b"user-agent", b"traceparent", b"tracestate"))
"""All of a client's that reach a replica: credentials stay here, and so do the engine's own override headers."""
_NOT_NOW = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
"""A pod whose engine died, or that starts or ends."""


@dataclass(frozen=True)
class Forward:
    """One call on its way."""

    tenant: Tenant
    operation: Operation
    call: Call
    estimate: Estimate
    work: float
    """Expected tokens."""
    model: Dispatcher
    headers: Iterable[Header]
    relay: Relay
    record: Record
    metrics: Metrics

    async def run(self) -> None:
        """Forward until a replica answers.

        Raises:
            InterruptedRequestError: none does, or the one that answered broke off.
        """
        arrived = _now()
        avoid, failure = self._without(arrived), errors.UNREACHED
        attempts = asked = 0
        refused_at: float | None = None
        while attempts < ATTEMPTS and (refused_at is None or _now() - refused_at < UNREACHED_SECONDS):
            if asked:
                self.metrics.retries.labels(self.model.route.name).inc()
            asked += 1
            replica = await self._acquire(arrived, avoid)
            self.record.waited = _now() - arrived
            self.record.replica = replica.endpoint.address
            began, started = _now(), self.record.elapsed()
            try:
                if replica in avoid and failure.code in (ADAPTER_CHANGING, MODEL_NOT_FOUND):
                    await asyncio.sleep(CHANGING_SECONDS)
                said = await self._try(replica)
                if said is None:
                    if self.call.stream and self.record.first_byte is not None:
                        self.model.note_first(self.estimate, self.record.first_byte - started)
                    return
                failure = said
                # Each may be asked once for an adapter that some lack.
                attempts += failure.code != MODEL_NOT_FOUND or replica in avoid
            except UnreachableError:
                refused_at = refused_at or _now()
                replica.failed(_now())
            finally:
                self.model.release(replica, _now() - began)
            avoid.add(replica)
        raise InterruptedRequestError(self._last_word(failure, avoid))

    def _without(self, now: float) -> set[Replica]:
        """Replicas that are known to lack the adapter."""
        if self.call.model == self.model.route.name:
            return set()
        return {replica for replica in self.model.replicas if replica.is_without(self.call.model, now)}

    def _last_word(self, failure: ErrorAnswer, asked: AbstractSet[Replica]) -> ErrorAnswer:
        if failure.code == MODEL_NOT_FOUND and any(replica not in asked for replica in self.model.replicas):
            return errors.adapter_busy(self.call.model)
        return failure

    async def _acquire(self, arrived: float, avoid: AbstractSet[Replica]) -> Replica:
        self.record.woke |= self.model.is_asleep
        waiting = self.model.acquire(self.tenant, self.estimate, self.work, arrived, self.call.prompt, avoid=avoid)
        if not (self.call.stream and self.model.is_asleep):
            return await waiting
        task = asyncio.ensure_future(waiting)
        try:
            while not (await asyncio.wait((task,), timeout=COMMENT_SECONDS))[0]:
                await self.relay.comment(f"{self.model.route.name} is starting")
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        return task.result()

    async def _try(self, replica: Replica) -> ErrorAnswer | None:
        """None: the client has its answer. Else another replica may be asked, and this is to be said if none is.

        Raises:
            UnreachableError: this replica has nothing of the request.
            InterruptedRequestError: it broke off what the client has the beginning of.
        """
        headers = [header for header in self.headers if header[0] in REQUEST_HEADERS]
        if self.operation.dialect is not None:
            # Of the translated body; Ollama's clients may leave it out.
            headers = [*(one for one in headers if one[0] != b"content-type"), (b"content-type", b"application/json")]
        headers += [(b"x-request-id", self.record.request_id.encode()), GATEWAY_HEADER]
        target, body = self.operation.target.encode(), self.call.body
        try:
            async with replica.upstream.request("POST", target, body, headers) as response:
                if response.status in _NOT_NOW:
                    if CHANGING in await response.read():
                        # It is well, and answers all who ask for something else.
                        return adapter_changing(self.call.model)
                    replica.failed(_now())
                    return errors.REPLICAS_FAILED
                replica.answered()
                if response.status == HTTPStatus.NOT_FOUND and self.call.model != self.model.route.name:
                    return await self._not_found(replica, response)
                if _is_stream(response.headers):
                    await self.relay.stream(response)
                else:
                    await self.relay.whole(response.status, response.headers, await response.read())
        except UnreachableError:
            raise
        except EngineError:
            replica.failed(_now())
            if self.relay.answering:
                raise InterruptedRequestError(errors.REPLICAS_FAILED) from None
            return errors.REPLICAS_FAILED
        return None

    async def _not_found(self, replica: Replica, response: Connection) -> ErrorAnswer | None:
        """As of `_try`."""
        body = await response.read()
        if LACKING in body:
            replica.lacks(self.call.model, _now())
            return errors.model_not_found(self.call.model)
        await self.relay.whole(response.status, response.headers, body)
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_stream(headers: Iterable[Header]) -> bool:
    """Whether the answer is made of server-sent events."""
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream") for name, value in headers
    )
