"""A call to one of a model's replicas, and to another where the first gave no byte."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from qwen3_runtime.gateway import errors
from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.gateway.call import Call
    from qwen3_runtime.gateway.directory import Model
    from qwen3_runtime.gateway.metrics import Metrics
    from qwen3_runtime.gateway.operations import Operation
    from qwen3_runtime.gateway.record import Record
    from qwen3_runtime.gateway.relay import Relay
    from qwen3_runtime.gateway.replicas import Replica
    from qwen3_runtime.server.asgi import Header

ATTEMPTS = 3
"""At most; each at another replica while there is one."""
NO_REPLICA_SECONDS = 5.0
"""What a client is told to wait when no replica is known: by then an endpoint's change has come through."""
REQUEST_HEADERS = frozenset((b"content-type", b"accept", b"user-agent", b"traceparent", b"tracestate"))
"""All of a client's that reach a replica: credentials stay here, and so do the engine's own override headers."""
_NOT_NOW = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
"""A pod whose engine died, or that starts or ends."""


class Forwarder:
    """Forwards calls of one operation."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def run(  # noqa: PLR0917 - what a request is made of
        self, call: Call, operation: Operation, model: Model, headers: Iterable[Header], relay: Relay, record: Record
    ) -> None:
        """Forward until a replica answers.

        Raises:
            InterruptedRequestError: none does, or the one that answered broke off.
        """
        kept = [header for header in headers if header[0] in REQUEST_HEADERS]
        kept.append((b"x-request-id", record.request_id.encode()))
        tried: frozenset[Replica] = frozenset()
        for _ in range(ATTEMPTS):
            replica = model.replicas.choose(_now(), tried)
            if replica is None:
                break
            if tried:
                self._metrics.retries.labels(model.route.name).inc()
            record.replica = replica.endpoint.address
            if await self._try(replica, call, operation, kept, relay):
                return
            tried |= {replica}
        if tried:
            raise InterruptedRequestError(errors.REPLICAS_FAILED)
        raise InterruptedRequestError(errors.no_replica(model.route.name, NO_REPLICA_SECONDS))

    async def _try(
        self, replica: Replica, call: Call, operation: Operation, headers: list[Header], relay: Relay
    ) -> bool:
        """Whether the client has its answer; False: another replica may be asked."""
        replica.in_flight += 1
        try:
            async with replica.upstream.request("POST", operation.path.encode(), call.body, headers) as response:
                if response.status in _NOT_NOW:
                    replica.failed(_now())
                    return False
                replica.answered()
                if _is_stream(response.headers):
                    await relay.stream(response)
                else:
                    await relay.whole(response.status, response.headers, await response.read())
        except EngineError:
            replica.failed(_now())
            if relay.started:
                raise InterruptedRequestError(errors.REPLICAS_FAILED) from None
            return False
        finally:
            replica.in_flight -= 1
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_stream(headers: Iterable[Header]) -> bool:
    """Whether the answer is made of server-sent events."""
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream") for name, value in headers
    )
