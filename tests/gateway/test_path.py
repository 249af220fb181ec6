"""The way of one request, over real sockets."""

from __future__ import annotations

import json
import socket
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import openai
import pytest

from qwen3_runtime.config import ThinkingMode
from tests.gateway.conftest import EMBED, LORA, OTHER_LORA, OTHERS
from tests.gateway.processes import MODEL, GatewayProcess, Stub, digest_of, key_of, make_route, make_tenant
from tests.gateway.raw import CHAT, call, chat_body, open_stream, send_raw, wish
from tests.patience import HANG_SECONDS, until

if TYPE_CHECKING:
    from pathlib import Path


def test_the_official_client_chats_streams_embeds_and_lists(gateway: GatewayProcess) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key_of("a"), max_retries=0) as client:
        messages: list[Any] = [{"role": "user", "content": "Hello"}]
        answer = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=5)
        assert answer.choices[0].message.content == "word " * 5
        events = list(client.chat.completions.create(model=MODEL, messages=messages, max_tokens=3, stream=True))
        assert "".join(event.choices[0].delta.content or "" for event in events) == "word " * 3
        assert client.embeddings.create(model=EMBED, input="x", encoding_format="float").data[0].embedding == [
            0.5,
            0.25,
        ]
        assert [model.id for model in client.models.list()] == [MODEL, EMBED]
        assert client.models.retrieve(MODEL).id == MODEL


def test_an_answer_comes_byte_for_byte(gateway: GatewayProcess, stub: Stub) -> None:
    body = chat_body(stream=True, stream_options={"include_usage": True})
    through = call(gateway.url, body=body).body
    assert through == call(f"http://127.0.0.1:{stub.port}", body=body).body
    assert b'"usage":{' in through


def test_usage_that_nobody_asked_for_is_counted_but_not_shown(gateway: GatewayProcess) -> None:
    before = gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer")
    body = call(gateway.url, body=chat_body(stream=True, max_tokens=7)).body
    assert body.endswith(b"data: [DONE]\n\n")
    assert b'"usage":{' not in body
    assert gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer") - before == 7


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {key_of('a')}"},
        {"authorization": key_of("a")},
        {"authorization": f"Bearer {key_of('a')}", "x-api-key": key_of("b")},
        {"cookie": f"key={key_of('a')}"},
        {"x-api-key": digest_of(key_of("a"))},
    ],
)
def test_without_a_right_key_there_is_nothing(gateway: GatewayProcess, headers: dict[str, str]) -> None:
    for path in (CHAT, "/v1/models"):
        answer = call(gateway.url, "GET" if path != CHAT else "POST", path, tenant=None, headers=headers)
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_may_stand_in_either_header(gateway: GatewayProcess) -> None:
    for headers in ({"x-api-key": key_of("a")}, {"authorization": f"bEaReR  {key_of('a')} "}):
        assert call(gateway.url, body=chat_body(), tenant=None, headers=headers).status == 200
    assert call(gateway.url, path=f"{CHAT}?key={key_of('a')}", body=chat_body(), tenant=None).status == 401


def test_another_tenants_model_answers_as_one_that_does_not_exist(gateway: GatewayProcess) -> None:
    answers = []
    for name in (OTHERS, "qwen3-nobody"):
        for method, path, body in (("POST", CHAT, chat_body(model=name)), ("GET", f"/v1/models/{name}", None)):
            answer = call(gateway.url, method, path, body)
            answers.append((method, answer.status, answer.body.replace(name.encode(), b"NAME"), sorted(answer.headers)))
    assert answers[:2] == answers[2:]
    assert answers[0][1] == 404
    assert [model["id"] for model in call(gateway.url, "GET", "/v1/models", tenant="b").json["data"]] == [OTHERS]


def test_an_adapter_is_a_model_of_its_own(gateway: GatewayProcess) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key_of("c"), max_retries=0) as client:
        assert [model.id for model in client.models.list()] == [LORA]
        assert client.models.retrieve(LORA).id == LORA
        for name in (OTHERS, OTHER_LORA):
            with pytest.raises(openai.NotFoundError):
                client.models.retrieve(name)
        messages: list[Any] = [{"role": "user", "content": "Hello"}]
        answer = client.chat.completions.create(model=LORA, messages=messages, max_tokens=5)
    assert answer.model == LORA, "the replica was asked for the adapter"
    assert gateway.metric("qwen3_gateway_tokens_total", tenant="c", model=LORA, kind="answer") == 5
    body = json.dumps({"model": LORA, "max_tokens": 5, "messages": messages}).encode()
    translated = call(gateway.url, path="/v1/messages", body=body, tenant="c")
    assert translated.json["model"] == LORA
    assert gateway.metric("qwen3_gateway_queue_seconds_count", model=OTHERS) >= 2, "it waits in the model's queue"
    assert gateway.metric("qwen3_gateway_queue_seconds_count", model=LORA) == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/unknown", chat_body(), 404, "unknown_path"),
        ("POST", "/v1/chat/completions/", chat_body(), 404, "unknown_path"),
        ("POST", "/v1/../v1/chat/completions", chat_body(), 404, "unknown_path"),
        ("POST", "//v1/chat/completions", chat_body(), 404, "unknown_path"),
        ("POST", "/generate", chat_body(), 404, "unknown_path"),
        ("GET", "/v1/responses/resp_1", None, 404, "unknown_path"),
        ("GET", "/metrics", None, 404, "unknown_path"),
        ("GET", CHAT, None, 405, "method_not_allowed"),
        ("POST", CHAT, b"{", 400, "invalid_json"),
        ("POST", CHAT, b"[" * 100_000, 400, "invalid_json"),
        ("POST", CHAT, b'"x"', 400, "invalid_json"),
        ("POST", CHAT, {"messages": []}, 400, "missing_model"),
        ("POST", "/v1/embeddings", chat_body(), 400, "unsupported_operation"),
        ("POST", CHAT, b"x" * (33 * 1024 * 1024), 413, "request_too_large"),
    ],
)
def test_what_is_wrong_is_said_in_openais_shape(  # noqa: PLR0917 - a table's columns
    gateway: GatewayProcess, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = call(gateway.url, method, path, body)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.headers["x-request-id"]


def test_smuggled_and_endless_headers_are_refused(gateway: GatewayProcess) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n"
    for headers in (
        b"content-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"x: " + b"y" * 70_000 + b"\r\n\r\n",
        b"x y: z\r\n\r\n",
    ):
        assert send_raw(gateway.url, head + headers).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_hangs_up_stops_the_engine_and_pays_for_what_was_streamed(
    gateway: GatewayProcess, stub: Stub
) -> None:
    before = gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer")
    connection = open_stream(gateway.url, max_tokens=100_000, user=wish(token=0.005))
    received = b""
    while received.count(b"data: ") < 5:
        received += connection.recv(65536)
    connection.close()
    until(lambda: stub.totals()["in_flight"] == 0)
    until(lambda: gateway.metric("qwen3_gateway_requests_total", tenant="a", code="499") >= 1)
    counted = gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer") - before
    assert 5 <= counted <= 5000


def test_a_half_closed_client_has_left(gateway: GatewayProcess, stub: Stub) -> None:
    """Nothing tells it from one that is gone, whose work must stop."""
    before = gateway.metric("qwen3_gateway_requests_total", tenant="a", code="499")
    with open_stream(gateway.url, max_tokens=100_000, user=wish(token=0.005)) as connection:
        received = connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 ")
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            received += part
    assert not received.endswith(b"0\r\n\r\n"), "it must not look whole"
    until(lambda: stub.totals()["in_flight"] == 0)
    until(lambda: gateway.metric("qwen3_gateway_requests_total", tenant="a", code="499") == before + 1)


def test_logs_hold_no_content_and_no_key(gateway: GatewayProcess) -> None:
    sentence = "nobody-else-may-read-this"
    body = chat_body(messages=[{"role": "user", "content": sentence}])
    headers = {"x-request-id": "mine-12345678"}
    assert call(gateway.url, body=body, headers=headers).headers["x-request-id"] == "mine-12345678"
    until(lambda: "mine-12345678" in gateway.output)
    assert not any(word in gateway.output for word in (sentence, "word word", key_of("a"), digest_of(key_of("a"))))
    assert call(gateway.url, body=body, headers={"x-request-id": 'evil"}'}).headers["x-request-id"] != 'evil"}'


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("parent", "logged"),
    [(f"00-{TRACE}-b7ad6b7169203331-01", TRACE), (f'00-{TRACE}"}}-b7ad6b7169203331-01', ""), ("", "")],
)
def test_a_trace_reaches_the_replica_as_it_came_and_stands_in_the_log(
    gateway: GatewayProcess, parent: str, logged: str
) -> None:
    own = "trace-" + uuid4().hex
    headers = {"traceparent": parent, "tracestate": "vendor=1", "x-request-id": own}
    for path, body in ((CHAT, chat_body(user=wish(headers=True))), ("/api/chat", ollama_body(wish(headers=True)))):
        answer = call(gateway.url, path=path, body=body, headers=headers).json
        message = answer["message"] if "message" in answer else answer["choices"][0]["message"]
        got = json.loads(message["content"])
        assert (got["traceparent"], got["tracestate"], got["x-request-id"]) == (parent, "vendor=1", own)
    until(lambda: gateway.output.count(own) >= 2)
    lines = [json.loads(line) for line in gateway.output.splitlines() if own in line]
    assert [line["trace"] for line in lines] == [logged, logged]


def ollama_body(text: str) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], "stream": False}


def test_changes_act_without_a_restart(stub: Stub, tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, [make_tenant("a")], [make_route([stub.endpoint()])])
    try:
        gateway.set_tenants([make_tenant("b")])
        until(lambda: call(gateway.url, body=chat_body()).status == 401)
        assert call(gateway.url, body=chat_body(), tenant="b").status == 200
        (tmp_path / "tenants.json").write_text('{"tenants": "broken"}')
        until(lambda: "not valid" in gateway.output)
        assert call(gateway.url, body=chat_body(), tenant="b").status == 200
        gateway.set_routes([])
        until(lambda: call(gateway.url, body=chat_body(), tenant="b").status == 404)
        assert gateway.end() == 0
    finally:
        gateway.kill()


def test_another_replica_is_asked_before_the_first_byte_and_never_after(tmp_path: Path) -> None:
    good, bad = Stub(tmp_path, "good"), Stub(tmp_path, "bad")
    route = make_route([good.endpoint(), bad.endpoint(weight=2)])
    gateway = GatewayProcess(tmp_path / "g", [make_tenant("a")], [route], "--max-wait-seconds=4")
    try:
        bad.kill()
        for _ in range(6):
            assert call(gateway.url, body=chat_body()).status == 200
        assert good.totals()["requests"] == 6
        assert gateway.metric("qwen3_gateway_retries_total") >= 1
        answer = call(gateway.url, body=chat_body(user=wish(die_after=2), stream=True, max_tokens=9))
        assert answer.body.count(b'"content": "word "') == 2
        last = json.loads(answer.body.removesuffix(b"\n\n").rpartition(b"data: ")[2])
        assert last["error"]["code"] == "engine_failed"
        answer = call(gateway.url, body=chat_body())
        assert (answer.status, answer.error["code"]) == (503, "overloaded"), "nobody has had it, so it waited"
    finally:
        for process in (gateway, good, bad):
            process.kill()


def test_a_tenants_ceiling_on_thinking_reaches_the_replica(stub: Stub, tmp_path: Path) -> None:
    route = make_route([stub.endpoint()], thinking=ThinkingMode.HYBRID, max_thinking_tokens=900)
    gateway = GatewayProcess(tmp_path, [make_tenant("a", max_thinking_tokens=100)], [route])
    try:
        body = chat_body(user=wish(echo=True), thinking_budget=500)
        sent = json.loads(call(gateway.url, body=body).json["choices"][0]["message"]["content"])
        assert sent == body | {"thinking_budget": 100}
    finally:
        gateway.kill()


def _run(stubs: tuple[Stub, ...], requests: int) -> bool:
    running = [int(stub.totals()["in_flight"]) for stub in stubs]
    return sum(running) == requests


def test_work_goes_to_the_replica_with_the_least_for_its_weight(tmp_path: Path) -> None:
    small, large = Stub(tmp_path, "small"), Stub(tmp_path, "large")
    endpoints = [small.endpoint(), large.endpoint(weight=3)]
    gateway = GatewayProcess(tmp_path / "g", [make_tenant("a")], [make_route(endpoints)])
    streams = []
    try:
        for number in range(1, 9):
            streams.append(open_stream(gateway.url, max_tokens=1, user=wish(first=10 * HANG_SECONDS)))
            until(partial(_run, (small, large), number))
        assert (small.totals()["in_flight"], large.totals()["in_flight"]) == (2, 6)
    finally:
        for stream in streams:
            stream.close()
        for process in (gateway, small, large):
            process.kill()
