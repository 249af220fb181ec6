"""The way of a request through the gateway: whose it is, which model, which replica, and what it used."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from qwen3_runtime.config import Task
from qwen3_runtime.gateway import errors
from qwen3_runtime.gateway.call import read_call, read_object
from qwen3_runtime.gateway.count import count_tokens
from qwen3_runtime.gateway.dialects.dialect import translate
from qwen3_runtime.gateway.directory import as_named
from qwen3_runtime.gateway.forward import Forward
from qwen3_runtime.gateway.keys import presented_key
from qwen3_runtime.gateway.limits.types import Tokens
from qwen3_runtime.gateway.operations import COUNT_TOKENS, find_operation
from qwen3_runtime.gateway.own import OwnAnswers
from qwen3_runtime.gateway.record import Record, request_id, trace_id
from qwen3_runtime.gateway.relay import Relay
from qwen3_runtime.gateway.settle import Settling
from qwen3_runtime.gateway.thinking import with_ceiling
from qwen3_runtime.server.arrivals import Arrivals
from qwen3_runtime.server.asgi import BodyTooLargeError, DisconnectedError, Receive, Scope, Send, read_body, when_gone
from qwen3_runtime.server.checks import BODY_LIMIT
from qwen3_runtime.server.errors import CLIENT_GONE, wrong_method
from qwen3_runtime.server.traffic import InterruptedRequestError, Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_runtime.gateway.accesslog import AccessLog
    from qwen3_runtime.gateway.bodies import Bodies, Holding
    from qwen3_runtime.gateway.directory import Directory
    from qwen3_runtime.gateway.dispatch import Dispatcher
    from qwen3_runtime.gateway.estimate import Estimates
    from qwen3_runtime.gateway.ledger import Ledger
    from qwen3_runtime.gateway.limits.types import Store
    from qwen3_runtime.gateway.metrics import Metrics
    from qwen3_runtime.gateway.operations import Operation
    from qwen3_runtime.gateway.spans import Spans
    from qwen3_runtime.tenancy import Tenant


BODY_SECONDS = 60.0
"""For a whole request body: the longest one then needs 4.5 Mbit/s."""


class Front:
    """ASGI application of the API port."""

    def __init__(
        self,
        directory: Directory,
        *,
        estimates: Estimates,
        store: Store,
        ledger: Ledger | None,
        metrics: Metrics,
        log: AccessLog,
        bodies: Bodies,
        spans: Spans | None,
    ) -> None:
        self.arrivals = Arrivals()
        self._directory = directory
        self._own = OwnAnswers(directory)
        self._estimates = estimates
        self._settling = Settling(estimates, store, ledger, metrics)
        self._metrics = metrics
        self._log = log
        self._bodies = bodies
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.arrivals.note()
        headers = dict(scope["headers"])
        record = Record(request_id(headers.get(b"x-request-id")), trace_id(headers.get(b"traceparent")))
        span = self._spans.begin(scope, record) if self._spans else None
        relay, holding = Relay(send, record), self._bodies.holding()
        try:
            await self._serve(scope, receive, relay, record, holding)
        except InterruptedRequestError as interruption:
            await relay.fail(interruption.answer)
        except DisconnectedError:
            await relay.fail(CLIENT_GONE)
        finally:
            holding.give_back()
            record.seconds = record.elapsed()
            self._metrics.observe(record)
            self._log.write(record)
            if self._spans and span:
                self._spans.end(span, scope, record)

    async def _serve(self, scope: Scope, receive: Receive, relay: Relay, record: Record, holding: Holding) -> None:
        operation = _operation(scope["path"])
        record.operation, relay.dialect = operation.path, operation.dialect
        if scope["method"] != operation.method:
            raise InterruptedRequestError(wrong_method(scope["method"], scope["path"], operation.method))
        tenant = self._tenant(scope)
        record.tenant = tenant.name
        body = await _body(receive, partial(holding.take, tenant.name))
        if operation.path == COUNT_TOKENS:
            await self._count(tenant, body, relay, record)
            return
        if operation.task is None:
            answer = self._own.answer(operation, scope["path"], tenant, body)
            await relay.own(answer)
            return
        if operation.dialect is not None:
            request = read_object(body)
            named = as_named(self._model(tenant, request["model"], operation).route, request["model"])
            if (known := operation.dialect.own(request)) is not None:
                await relay.own(known)
                return
            body = translate(operation.dialect, request, named)
        call = read_call(body, usage_option=operation.usage_option)
        model = self._model(tenant, call.model, operation)
        record.model = call.model
        if operation.thinks:
            call = with_ceiling(call, tenant.max_thinking_tokens, model.route)
        relay.hide_usage = call.hide_usage
        estimate = self._estimates.of(tenant.name, call, generates=operation.task is Task.GENERATE)
        work = self._estimates.expected_work(tenant.name, call, estimate)
        self._directory.note_use(tenant.name)
        forward = Forward(
            tenant, operation, call, estimate, work, model, scope["headers"], relay, record, self._metrics
        )
        running = Running()
        when_gone(scope, partial(running.interrupt, CLIENT_GONE))
        try:
            with running.interruptible():
                await self._settling.run(forward)
        finally:
            when_gone(scope, None)

    async def _count(self, tenant: Tenant, body: bytes, relay: Relay, record: Record) -> None:
        """It takes a replica's time, so it counts as a request."""
        request = read_object(body)
        model = self._own.model(tenant, request["model"])
        record.model = request["model"]
        reservation = await self._settling.reserve(tenant, Tokens(), relay)
        try:
            await relay.own({"input_tokens": await count_tokens(tenant, model, request, self._estimates)})
        finally:
            self._settling.settle(reservation, Tokens())

    def _tenant(self, scope: Scope) -> Tenant:
        key = presented_key(scope["headers"])
        if key is None:
            raise InterruptedRequestError(errors.NO_KEY)
        tenant = self._directory.keyring.owner(key)
        if tenant is None:
            raise InterruptedRequestError(errors.WRONG_KEY)
        return tenant

    def _model(self, tenant: Tenant, name: str, operation: Operation) -> Dispatcher:
        model = self._own.model(tenant, name)
        if model.route.task is not operation.task:
            raise InterruptedRequestError(errors.wrong_task(name, operation.path))
        return model


def _operation(path: str) -> Operation:
    operation = find_operation(path)
    if operation is None:
        raise InterruptedRequestError(errors.unknown_path(path))
    return operation


async def _body(receive: Receive, take: Callable[[int], None]) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await read_body(receive, BODY_LIMIT, take)
    except BodyTooLargeError:
        raise InterruptedRequestError(errors.TOO_LARGE) from None
    except TimeoutError:
        raise InterruptedRequestError(errors.TOO_SLOW) from None
