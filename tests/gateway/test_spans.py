"""Spans as a collector gets them: OTLP over HTTP, read with the protocol's own messages."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typing_extensions import override

from tests.gateway.processes import MODEL, GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import CHAT, call, chat_body, wish
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVER = 2
"""``SPAN_KIND_SERVER``"""
FAILED = 2
"""``STATUS_CODE_ERROR``"""
SENTENCE = "nobody-else-may-read-this"


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    @property
    def spans(self) -> list[Span]:
        """All spans, as they came."""
        sent = [ExportTraceServiceRequest.FromString(body) for body in tuple(self.bodies)]
        scopes = [scope for one in sent for resource in one.resource_spans for scope in resource.scope_spans]
        return [span for scope in scopes for span in scope.spans]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.headers.append({"path": self.path} | {name.lower(): value for name, value in self.headers.items()})
        self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    @override
    def log_message(self, *_: Any) -> None:
        """Nothing on the tests' output."""


@contextmanager
def collecting(stub: Stub, folder: Path, **environment: str) -> Iterator[tuple[Collector, GatewayProcess]]:
    """A gateway that sends its spans to a collector."""
    collector = Collector()
    Thread(target=collector.serve_forever, daemon=True).start()
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        **environment,
    }
    routes = [make_route([stub.endpoint()])]
    gateway = GatewayProcess(folder, [make_tenant("a")], routes, environment=variables)
    try:
        yield collector, gateway
    finally:
        gateway.kill()
        collector.shutdown()
        collector.server_close()


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes}


def test_a_request_is_a_child_of_its_clients_span_and_the_parent_of_the_replicas(stub: Stub, tmp_path: Path) -> None:
    with collecting(stub, tmp_path, OTEL_EXPORTER_OTLP_HEADERS="x-scope=team-a") as (collector, gateway):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1", "x-request-id": "mine-12345678"}
        answer = call(gateway.url, body=chat_body(user=wish(headers=True)), headers=headers).json
        until(lambda: bool(collector.spans))
        (span,) = collector.spans
        assert (span.trace_id.hex(), span.parent_span_id.hex(), span.kind) == (TRACE, PARENT, SERVER)
        told = json.loads(answer["choices"][0]["message"]["content"])
        assert (told["traceparent"], told["tracestate"]) == (f"00-{TRACE}-{span.span_id.hex()}-01", "vendor=1")
        assert span.name == f"POST {CHAT}"
        found = attributes(span)
        usage = answer["usage"]
        assert {name: found[name] for name in found if not name.endswith("seconds")} == {
            "http.request.method": "POST",
            "http.route": CHAT,
            "http.response.status_code": 200,
            "gen_ai.request.model": MODEL,
            "gen_ai.usage.input_tokens": usage["prompt_tokens"],
            "gen_ai.usage.output_tokens": usage["completion_tokens"],
            "qwen3.usage.thinking_tokens": 0,
            "qwen3.request.id": "mine-12345678",
            "qwen3.tenant": "a",
            "qwen3.replica": stub.endpoint().address,
        }
        length = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        assert 0 < found["qwen3.first_byte.seconds"] <= length
        assert (collector.headers[0]["path"], collector.headers[0]["x-scope"]) == ("/v1/traces", "team-a")


def test_a_request_without_a_trace_begins_one_that_the_log_names(stub: Stub, tmp_path: Path) -> None:
    with collecting(stub, tmp_path) as (collector, gateway):
        call(gateway.url, body=chat_body(), headers={"x-request-id": "mine-12345678"})
        until(lambda: bool(collector.spans) and "mine-12345678" in gateway.output)
        (line,) = [json.loads(line) for line in gateway.output.splitlines() if "mine-12345678" in line]
        assert line["trace"] == collector.spans[0].trace_id.hex()
        assert not collector.spans[0].parent_span_id


def test_failures_are_told_apart_and_nothing_of_their_content(stub: Stub, tmp_path: Path) -> None:
    with collecting(stub, tmp_path) as (collector, gateway):
        words = [{"role": "user", "content": SENTENCE}]
        assert call(gateway.url, body=chat_body(messages=words, model=SENTENCE)).status == 404
        assert call(gateway.url, path=f"/{SENTENCE}", body=chat_body()).status == 404
        assert call(gateway.url, body=chat_body(), headers={"authorization": f"Bearer {SENTENCE}"}).status == 401
        assert call(gateway.url, body=chat_body(messages=words, user=wish(status=502))).status == 502
        until(lambda: any(span.status.code == FAILED for span in collector.spans))
        codes = {attributes(span)["http.response.status_code"]: span.status.code for span in collector.spans}
        assert codes[404] == codes[401] == 0
        assert codes[502] == FAILED
        sent = b"".join(collector.bodies)
        assert not any(word.encode() in sent for word in (SENTENCE, key_of("a")))


def test_a_client_may_keep_its_requests_out(stub: Stub, tmp_path: Path) -> None:
    with collecting(stub, tmp_path) as (collector, gateway):
        call(gateway.url, body=chat_body(), headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
        call(gateway.url, body=chat_body(), headers={"traceparent": f"00-{TRACE[::-1]}-{PARENT}-01"})
        until(lambda: bool(collector.spans))
        assert [span.trace_id.hex() for span in collector.spans] == [TRACE[::-1]]


def test_the_last_spans_leave_with_the_process(stub: Stub, tmp_path: Path) -> None:
    with collecting(stub, tmp_path, OTEL_BSP_SCHEDULE_DELAY="3600000") as (collector, gateway):
        call(gateway.url, body=chat_body())
        assert gateway.end() == 0
        assert [span.name for span in collector.spans] == [f"POST {CHAT}"]


def test_without_a_collector_requests_are_answered(stub: Stub, tmp_path: Path) -> None:
    with collecting(stub, tmp_path) as (collector, gateway):
        collector.shutdown()
        collector.server_close()
        assert [call(gateway.url, body=chat_body()).status for _ in range(20)] == [200] * 20
        assert gateway.end() == 0
