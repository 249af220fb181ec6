"""The way of a request through the pod: admitted, checked, forwarded byte for byte, ended visibly."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from http import HTTPStatus
from itertools import product
from typing import TYPE_CHECKING

from qwen3_runtime.server import checks, errors
from qwen3_runtime.server.answer import Answer
from qwen3_runtime.server.asgi import (
    BodyTooLargeError,
    DisconnectedError,
    Header,
    Receive,
    Scope,
    Send,
    read_body,
    send_error,
    when_gone,
)
from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.engine_errors import in_openai_form
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.prepare import Prepared, Served, prepare
from qwen3_runtime.server.routes import MODELS, PATHS, Route, find_route
from qwen3_runtime.server.traffic import InterruptedRequestError, Running, Traffic
from qwen3_runtime.server.via import Via, via

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.metrics import Metrics
    from qwen3_runtime.server.upstream import Upstream

REQUEST_HEADERS = frozenset((b"content-type", b"accept", b"user-agent", b"x-request-id", b"traceparent", b"tracestate"))
"""All that reaches the engine: credentials stay here, and so do the engine's own override headers."""
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-authenticate", b"te", b"trailer", b"transfer-encoding"))
"""RFC 9110, 7.6.1: these describe the connection to the engine, not the answer."""


class Forwarder:
    """ASGI application of the API port."""

    def __init__(self, served: Served, upstream: Upstream, traffic: Traffic, metrics: Metrics) -> None:
        self._served = served
        self._upstream = upstream
        self._traffic = traffic
        self._metrics = metrics
        for path, way in product(PATHS[served.task], Via):  # 0 at first: an increase is seen only from something
            metrics.arrived.labels(path, way)
            metrics.arrived_bytes.labels(path, way)

    def offer(self, served: Served) -> None:
        """Serve this from now on: other adapters of the same model."""
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = find_route(
            scope["method"], scope["path"], self._served.names, self._served.task, tokenizes=self._served.tokenizes
        )
        if isinstance(route, ErrorAnswer):
            await self._refuse("other", send, route)
        elif (refusal := self._traffic.refusal()) is not None:
            await self._refuse(route.name, send, refusal)
        else:
            answer = Answer(send, close=self._traffic.closing)
            with self._traffic.admit() as running:
                await self._serve(route, scope, receive, answer, running)
            self._metrics.requests.labels(route.name, answer.outcome).inc()
            self._metrics.observe(route.name, answer)

    async def _refuse(self, name: str, send: Send, error: ErrorAnswer) -> None:
        self._metrics.requests.labels(name, error.status).inc()
        await send_error(send, error, close=self._traffic.closing)

    async def _serve(self, route: Route, scope: Scope, receive: Receive, answer: Answer, running: Running) -> None:
        try:
            with running.interruptible():
                prepared = await self._prepared(route, scope, receive, running)
                when_gone(scope, partial(running.interrupt, errors.CLIENT_GONE))
                try:
                    await self._forward(route, scope, prepared, answer)
                finally:
                    when_gone(scope, None)
        except InterruptedRequestError as interruption:
            await answer.fail(interruption.answer)
        except DisconnectedError:
            await answer.fail(errors.CLIENT_GONE)
        except EngineError:
            await answer.fail(errors.ENGINE_FAILED)

    async def _prepared(self, route: Route, scope: Scope, receive: Receive, running: Running) -> Prepared | None:
        if not route.has_body:
            return None
        try:
            async with asyncio.timeout(checks.BODY_SECONDS):
                body = await read_body(receive, checks.BODY_LIMIT)
        except BodyTooLargeError:
            raise InterruptedRequestError(checks.TOO_LARGE) from None
        except TimeoutError:
            raise InterruptedRequestError(checks.TOO_SLOW) from None
        prepared = prepare(body, route, self._served)
        if isinstance(prepared, ErrorAnswer):
            raise InterruptedRequestError(prepared)
        running.model = prepared.model  # nothing may be awaited since the name was looked up
        if route.is_work:
            way = via(scope["headers"])
            self._metrics.arrived.labels(route.name, way).inc()
            self._metrics.arrived_bytes.labels(route.name, way).inc(len(body))
        return prepared

    async def _forward(self, route: Route, scope: Scope, prepared: Prepared | None, answer: Answer) -> None:
        if route.model in self._served.changing:
            raise InterruptedRequestError(errors.adapter_changing(route.model))
        if route.model in self._served.adapters:
            await self._describe(route.model, answer)
            return
        body = prepared.body if prepared else None
        headers = (header for header in scope["headers"] if header[0] in REQUEST_HEADERS)
        async with self._upstream.request(scope["method"], route.target, body, headers) as response:
            kept = [(name, value) for name, value in response.headers if name.lower() not in HOP_BY_HOP]
            if _is_stream(kept):
                hide_usage = prepared is not None and prepared.hide_usage
                await answer.stream(response, kept, hide_usage=hide_usage, marks_end=self._served.marks_end)
            else:
                body = await response.read()
                if response.status >= HTTPStatus.BAD_REQUEST:
                    kept, body = in_openai_form(response.status, kept, body)
                await answer.whole(response.status, kept, body)

    async def _describe(self, name: str, answer: Answer) -> None:
        """An adapter's entry in the engine's list: engines know no path for it alone."""
        async with self._upstream.request("GET", MODELS.encode(), None, ()) as response:
            body = await response.read()
        if response.status != HTTPStatus.OK:
            raise InterruptedRequestError(errors.ENGINE_FAILED)
        entry = next((entry for entry in json.loads(body)["data"] if entry["id"] == name), None)
        if entry is None:  # it was unloaded a moment ago
            raise InterruptedRequestError(errors.model_not_found(name, self._served.names))
        await answer.whole(200, [(b"content-type", b"application/json")], json.dumps(entry).encode())


def _is_stream(headers: Iterable[Header]) -> bool:
    """Whether the answer is made of server-sent events."""
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream") for name, value in headers
    )
