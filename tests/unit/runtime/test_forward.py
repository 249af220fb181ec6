"""The forwarder in front of a small stand-in for the engine that can be made to misbehave.

What the real engine does is tested in `tests/engine`; this is for what it does only when it breaks.
"""

from __future__ import annotations

import asyncio
import io
import json
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from qwen3_runtime.config import AdapterFiles, Adapters, Phase
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.metrics import Metrics
from qwen3_runtime.phases import Phases
from qwen3_runtime.server import checks, errors, protocol
from qwen3_runtime.server.checks import BODY_LIMIT
from qwen3_runtime.server.forward import Forwarder
from qwen3_runtime.server.listen import Listener
from qwen3_runtime.server.prepare import served
from qwen3_runtime.server.traffic import Traffic
from qwen3_runtime.server.upstream import Upstream
from tests.garbage import collected
from tests.patience import HANG_SECONDS
from tests.unit.runtime.conftest import make_config

BODY: dict[str, Any] = {"model": "qwen3-tiny", "messages": [{"role": "user", "content": "Hi"}]}
EVENT = b'data: {"choices": []}\n\n'
DONE = b"data: [DONE]\n\n"
IDLE, SLOW = 2000, 100
LAW = Adapters(rank=8, targets=("q_proj",), files=(AdapterFiles(name="law", path="/law"),))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Stand:
    """The forwarder, its surroundings, and the stand-in's behaviour."""

    client: aiohttp.ClientSession
    phases: Phases
    traffic: Traffic
    listener: Listener
    metrics: Metrics
    forwarder: Forwarder
    engine: Handler

    def count(self, code: int, path: str = "/v1/chat/completions") -> float:
        value = self.metrics.registry.get_sample_value(
            "qwen3_runtime_requests_total", {"path": path, "code": str(code)}
        )
        return value or 0.0

    def value(self, name: str, **labels: str) -> float:
        """Of chats."""
        found = {"path": "/v1/chat/completions", **labels}
        return self.metrics.registry.get_sample_value(f"qwen3_runtime_{name}", found) or 0.0


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    phases = Phases(time.time)
    phases.enter(Phase.READY)
    traffic = Traffic(phases)
    metrics = Metrics(SGLang().metrics)

    async def dispatch(request: web.Request) -> web.StreamResponse:
        return await made.engine(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", dispatch)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream = Upstream(runner.addresses[0][1])
    forwarder = Forwarder(served(make_config(adapters=LAW), SGLang()), upstream, traffic, metrics)
    listener = Listener(forwarder, 0)
    await listener.open()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as client:
        made = Stand(client, phases, traffic, listener, metrics, forwarder, engine=_refuse)
        yield made
    await listener.close()
    upstream.close()
    await runner.cleanup()


async def _refuse(request: web.Request) -> web.StreamResponse:
    raise AssertionError(f"{request.path} must not reach the engine")


def stream_of(*chunks: bytes, then: Callable[[web.Request], object] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "x-engine": "yes"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0.01)
        if then is not None:
            then(request)
        return response

    return handler


def held(arrived: asyncio.Event, answered: asyncio.Event) -> Handler:
    """Tells of a request, and answers when it may."""

    async def handler(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await answered.wait()
        return web.json_response({})

    return handler


def cut_connection(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


def error_of(body: bytes) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(body)["error"]
    return error


async def test_stream_passes_byte_for_byte(stand: Stand) -> None:
    stand.engine = stream_of(EVENT, EVENT[:7], EVENT[7:] + EVENT[:3], EVENT[3:], DONE)
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        assert answer.status == 200
        assert answer.headers["x-engine"] == "yes"
        assert await answer.read() == EVENT * 3 + DONE
    assert stand.count(200) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answered_request_leaves_no_garbage(stand: Stand, *, stream: bool) -> None:
    async def whole(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path})

    stand.engine = stream_of(EVENT, DONE) if stream else whole
    with collected() as garbage:
        for _ in range(5):
            async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
                assert (await answer.read()).endswith(DONE if stream else b"}")
    assert garbage == {}


async def test_half_an_event_after_the_end_is_no_end(stand: Stand) -> None:
    stand.engine = stream_of(EVENT, DONE + b'data: {"half')
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        *_, last, empty = (await answer.read()).split(b"\n\n")
    assert (error_of(last.removeprefix(b"data: "))["code"], empty) == ("engine_failed", b"")


async def test_tokens_are_counted_whether_the_client_wants_to_know_or_not(stand: Stand) -> None:
    last = b'data: {"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,'
    last += b'"completion_tokens_details":{"reasoning_tokens":4}}}\n\n'
    thought, answer_event = b'data: {"reasoning_content":"a"}\n\n', b'data: {"content":"b"}\n\n'
    bodies: list[dict[str, Any]] = []
    stream = stream_of(thought, answer_event, last + DONE)

    async def engine(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        return await stream(request)

    stand.engine = engine
    for options, seen in ((None, b""), ({"include_usage": True}, last)):
        body = BODY | {"stream": True, "stream_options": options}
        async with stand.client.post("/v1/chat/completions", json=body) as answer:
            assert await answer.read() == thought + answer_event + seen + DONE
    assert [body["stream_options"] for body in bodies] == [{"include_usage": True}] * 2
    values = {
        kind: stand.metrics.registry.get_sample_value(
            "qwen3_runtime_tokens_total", {"path": "/v1/chat/completions", "kind": kind}
        )
        for kind in ("prompt", "thinking", "answer")
    }
    assert values == {"prompt": 6, "thinking": 8, "answer": 2}
    count = "qwen3_runtime_time_to_first_answer_token_seconds_count"
    assert stand.metrics.registry.get_sample_value(count, {"path": "/v1/chat/completions"}) == 2


async def test_body_and_allowed_headers_reach_the_engine_unchanged(stand: Stand) -> None:
    seen: list[web.Request] = []
    bodies: list[bytes] = []

    async def engine(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        bodies.append(await request.read())
        return web.json_response({"odd": 1}, status=203, headers={"connection": "close"})

    stand.engine = engine
    raw = b'{ "model":"qwen3-tiny",\n "messages": [ ] , "x": 1e2 }'
    headers = {
        "content-type": "application/json",
        "authorization": "Bearer secret",
        "cookie": "a=b",
        "x-override-rid": "1",
        "x-request-id": "abc",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "vendor=1",
    }
    async with stand.client.post("/v1/completions?a=%20b", data=raw, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (203, b'{"odd": 1}')
        assert "connection" not in answer.headers
    assert bodies == [raw]
    assert seen[0].raw_path == "/v1/completions", "the query is nothing that we name"
    for name in ("x-request-id", "traceparent", "tracestate"):
        assert seen[0].headers[name] == headers[name]
    assert not {"authorization", "cookie", "x-override-rid", "accept-encoding"} & {
        key.lower() for key in seen[0].headers
    }


@pytest.mark.parametrize("sent", [(EVENT,), (EVENT, b'data: {"half'), ()])
async def test_dead_engine_ends_a_stream_with_an_error_event(stand: Stand, sent: tuple[bytes, ...]) -> None:
    stand.engine = stream_of(*sent, then=cut_connection)
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        *events, last, empty = (await answer.read()).split(b"\n\n")
    assert events == [EVENT.strip()] * sent.count(EVENT)
    assert empty == b""
    assert error_of(last.removeprefix(b"data: "))["code"] == "engine_failed"
    assert stand.count(502) == 1


@pytest.mark.parametrize("sent", [(EVENT,), (EVENT, b'data: {"half'), ()])
async def test_stream_that_ends_without_done_is_no_end(stand: Stand, sent: tuple[bytes, ...]) -> None:
    stand.engine = stream_of(*sent)
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        body = await answer.read()
    assert b"[DONE]" not in body
    assert b"engine_failed" in body


async def test_dead_engine_is_a_502(stand: Stand) -> None:
    async def engine(request: web.Request) -> web.StreamResponse:
        cut_connection(request)
        return web.Response()

    stand.engine = engine
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        assert answer.status == 502
        assert error_of(await answer.read())["code"] == "engine_failed"


async def test_answer_cut_in_its_middle_is_a_502(stand: Stand) -> None:
    async def engine(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "100"})
        await response.prepare(request)
        await response.write(b'{"choices"')
        cut_connection(request)
        return response

    stand.engine = engine
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        assert answer.status == 502


async def test_client_that_leaves_aborts_the_engines_request(stand: Stand) -> None:
    aborted = asyncio.Event()

    async def engine(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(EVENT)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            aborted.set()
            raise
        return response

    stand.engine = engine
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        await answer.content.readany()
    await asyncio.wait_for(aborted.wait(), HANG_SECONDS)
    assert await stand.traffic.idle(HANG_SECONDS)
    assert stand.count(499) == 1


async def test_too_large_body(stand: Stand) -> None:
    async with stand.client.post("/v1/chat/completions", data=io.BytesIO(b" " * (BODY_LIMIT + 1))) as answer:
        assert answer.status == 413


HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
)


async def test_a_body_that_never_ends_is_given_up(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BODY_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.listener.port)
    writer.write(HEAD)
    assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()
    assert await stand.traffic.idle(HANG_SECONDS)
    assert stand.count(408) == 1


@pytest.mark.parametrize("sent", [b"", HEAD[:30]])
async def test_headers_that_never_end_are_given_up(stand: Stand, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.listener.port)
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), HANG_SECONDS) == b""
    writer.close()


async def test_headers_have_a_bound(stand: Stand) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.listener.port)
    writer.write(HEAD[:-3] + b"pad: " + b"x" * protocol.HEADER_BYTES + b"\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), HANG_SECONDS)).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_idle_and_slow_connections_keep_nobody_out(stand: Stand) -> None:
    """Two thousand clients that say nothing, a hundred that stop in the middle of their request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * (IDLE + SLOW) + 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard)), hard))
    clients = [await _connected(stand.listener.port) for _ in range(IDLE + SLOW)]
    for client in clients[:SLOW]:
        client.send(HEAD)
    stand.engine = stream_of(EVENT, DONE)
    body = io.BytesIO(json.dumps(BODY | {"pad": "x" * 10_000_000}).encode())
    async with stand.client.post("/v1/chat/completions", data=body) as answer:
        assert await answer.read() == EVENT + DONE
    for client in clients:
        client.close()
    assert await stand.traffic.idle(HANG_SECONDS), "a client that left is not waited for"
    async with asyncio.timeout(HANG_SECONDS):
        while stand.listener.server_state.connections:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.05)


async def _connected(port: int) -> socket.socket:
    client = socket.socket()
    client.settimeout(0)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    return client


@pytest.mark.parametrize("phase", [Phase.STARTING_ENGINE, Phase.WARMING_UP])
async def test_not_ready(stand: Stand, phase: Phase) -> None:
    stand.phases.enter(phase)
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        assert answer.status == 503
        assert answer.headers["retry-after"] == "5"
        assert phase in error_of(await answer.read())["message"]


async def test_lame_duck_serves_and_closes(stand: Stand) -> None:
    stand.engine = stream_of(EVENT, DONE)
    stand.phases.enter(Phase.DRAINING)
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert await answer.read() == EVENT + DONE


async def test_draining_refuses_new_and_finishes_running_requests(stand: Stand) -> None:
    go_on = asyncio.Event()

    async def engine(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(EVENT)
        await go_on.wait()
        await response.write(DONE)
        return response

    stand.engine = engine
    async with stand.client.post("/v1/chat/completions", json=BODY) as running:
        assert await running.content.readany() == EVENT
        stand.phases.enter(Phase.DRAINING)
        stand.traffic.refuse_new()
        async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
            assert (answer.status, answer.headers["connection"]) == (503, "close")
            assert error_of(await answer.read())["code"] == "shutting_down"
        assert not await stand.traffic.idle(0.05)
        go_on.set()
        assert await running.read() == DONE
    assert await stand.traffic.idle(HANG_SECONDS)


async def test_request_over_the_drain_limit_ends_with_an_error_event(stand: Stand) -> None:
    async def engine(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(EVENT)
        await asyncio.sleep(60)
        return response

    stand.engine = engine
    async with stand.client.post("/v1/chat/completions", json=BODY) as running:
        assert await running.content.readany() == EVENT
        stand.traffic.interrupt_all(errors.cut(120))
        rest = await running.read()
    assert error_of(rest.removeprefix(b"data: "))["code"] == "shutting_down"
    assert b"120 s" in rest
    assert stand.count(503) == 1


async def test_unknown_path_and_model_never_reach_the_engine(stand: Stand) -> None:
    async with stand.client.post("/generate", json=BODY) as answer:
        assert (answer.status, error_of(await answer.read())["code"]) == (404, "unknown_path")
    async with stand.client.post("/v1/chat/completions", json=BODY | {"model": "gpt"}) as answer:
        assert (answer.status, error_of(await answer.read())["code"]) == (404, "model_not_found")
    assert stand.count(404, "other") == 1
    assert stand.count(404) == 1


async def test_an_adapter_is_found_in_the_engines_list(stand: Stand) -> None:
    async def engine(request: web.Request) -> web.StreamResponse:
        assert request.path == "/v1/models", "engines know no path for an adapter alone"
        return web.json_response({"data": [{"id": "qwen3-tiny"}, {"id": "law", "parent": "qwen3-tiny"}]})

    stand.engine = engine
    async with stand.client.get("/v1/models/law") as answer:
        assert (answer.status, await answer.json()) == (200, {"id": "law", "parent": "qwen3-tiny"})
    async with stand.client.get("/v1/models/tax") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("status", "listed", "expected"),
    [(200, [{"id": "qwen3-tiny"}], (404, "model_not_found")), (500, [], (502, "engine_failed"))],
    ids=["unloaded a moment ago", "the engine fails"],
)
async def test_an_adapter_that_the_engine_does_not_list_is_an_answer_in_openais_form(
    stand: Stand, status: int, listed: list[Any], expected: tuple[int, str]
) -> None:
    async def engine(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": listed}, status=status)

    stand.engine = engine
    async with stand.client.get("/v1/models/law") as answer:
        assert (answer.status, error_of(await answer.read())["code"]) == expected
    assert stand.count(expected[0], "/v1/models/{model}") == 1


async def test_an_adapter_is_in_use_until_its_last_request_has_ended(stand: Stand) -> None:
    arrived, answered = asyncio.Event(), asyncio.Event()
    stand.engine = held(arrived, answered)
    asking = asyncio.create_task(stand.client.post("/v1/chat/completions", json=BODY | {"model": "law"}))
    await arrived.wait()
    await asyncio.wait_for(stand.traffic.without("qwen3-tiny"), HANG_SECONDS)
    unused = asyncio.create_task(stand.traffic.without("law"))
    await asyncio.sleep(0)
    assert not unused.done()
    answered.set()
    (await asking).release()
    await asyncio.wait_for(unused, HANG_SECONDS)


async def test_an_adapter_that_is_exchanged_comes_back_in_a_moment(stand: Stand) -> None:
    rules = served(make_config(), SGLang())
    stand.forwarder.offer(replace(rules, changing=frozenset({"law"})))
    async with stand.client.get("/v1/models/law") as answer:
        assert (answer.status, error_of(await answer.read())["code"]) == (503, "adapter_changing")


async def test_work_is_counted_when_it_arrives(stand: Stand) -> None:
    arrived, answered = asyncio.Event(), asyncio.Event()
    stand.engine = held(arrived, answered)
    for name in ("requests_arrived_total", "request_bytes_arrived_total"):
        for way in ("gateway", "direct"):
            labels = {"path": "/v1/chat/completions", "via": way}
            sample = stand.metrics.registry.get_sample_value(f"qwen3_runtime_{name}", labels)
            assert sample == 0, "there from the first scrape on: Prometheus sees the first request as an increase"
    raw = json.dumps(BODY).encode()
    request = asyncio.create_task(stand.client.post("/v1/chat/completions", data=raw))
    await arrived.wait()
    assert stand.value("requests_arrived_total", via="direct") == 1, "before the engine answers"
    assert stand.value("request_bytes_arrived_total", via="direct") == len(raw)
    answered.set()
    async with await request:
        pass
    async with stand.client.post("/v1/chat/completions", json=BODY | {"model": "other"}) as answer:
        assert answer.status == 404
    assert stand.value("requests_arrived_total", via="direct") == 1, "what is refused is no work"
    headers = {"x-qwen3-via": "gateway"}
    async with stand.client.post("/v1/chat/completions", data=raw, headers=headers) as answer:
        assert answer.status == 200
    assert stand.value("requests_arrived_total", via="direct") == 1, "the gateway has counted the other"
    assert stand.value("requests_arrived_total", via="gateway") == 1
    assert stand.value("request_bytes_arrived_total", via="gateway") == len(raw)


async def test_a_prompt_is_counted_as_the_chat_would_have_it_and_is_no_work(stand: Stand) -> None:
    seen: list[Any] = []

    async def engine(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, await request.json()))
        return web.json_response({"count": 7})

    stand.engine = engine
    wanted = BODY | {"enable_thinking": False}
    for path in ("/v1/tokenize", "/v1/chat/completions"):
        async with stand.client.post(path, json=wanted) as answer:
            assert answer.status == 200
    (path, counted), (_, asked) = seen
    assert path == "/v1/tokenize"
    assert counted["chat_template_kwargs"] == asked["chat_template_kwargs"] == {"enable_thinking": False}
    labels = {"path": path, "via": "direct"}
    assert stand.metrics.registry.get_sample_value("qwen3_runtime_requests_arrived_total", labels) is None
    assert stand.count(200, path) == 1


async def test_only_streams_time_their_first_token(stand: Stand) -> None:
    stand.engine = stream_of(EVENT, DONE)
    async with stand.client.post("/v1/chat/completions", json=BODY) as answer:
        await answer.read()
    assert stand.value("time_to_first_byte_seconds_count", stream="true") == 1
    assert stand.value("time_to_first_byte_seconds_count", stream="false") == 0
