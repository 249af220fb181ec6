"""What bad clients leave behind in memory, and whom they keep out."""

from __future__ import annotations

import resource
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from qwen3_runtime.server.protocol import PIPELINED
from tests.gateway.processes import GatewayProcess, key_of, make_route, make_tenant
from tests.gateway.raw import call, chat_body, open_stream, send_raw, wish
from tests.gateway.valkey_server import ValkeyServer
from tests.hostile import small_gateway
from tests.patience import HANG_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gateway.processes import Process
    from tests.hostile.conftest import Ports

MEBIBYTE = 1024 * 1024
BAD_REQUESTS, IDLE = 10_000, 2000
AHEAD = 10
"""Requests that are sent before their answers are read."""
KEY = b"authorization: Bearer " + key_of("a").encode() + b"\r\n"


def memory(process: Process, field: str = "VmRSS") -> float:
    """MiB."""
    status = Path(f"/proc/{process.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith(f"{field}:"))


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=HANG_SECONDS)


def bad_requests() -> list[bytes]:
    """Each is refused, on a connection that goes on. No two unknown paths or models are the same."""
    unique = str(time.monotonic_ns()).encode()
    bodies = [b"{", b'"x"', b"\xff", b'{"model":"x%s"}' % unique, b'{"model":1}', b"[" * 500, b'{"model":"m","x":NaN}']
    posts = [b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + KEY] * len(bodies)
    requests = [
        head + b"content-length: %d\r\n\r\n" % len(body) + body for head, body in zip(posts, bodies, strict=True)
    ]
    requests.append(b"GET /v1/%s HTTP/1.1\r\nhost: x\r\nx-request-id: id-%s\r\n\r\n" % (unique, unique))
    requests.append(b"PUT /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx")
    requests.append(b"GET /v1/models/%s HTTP/1.1\r\nhost: x\r\n" % unique + KEY + b"\r\n")
    return requests


def send_bad_requests(url: str, number: int) -> None:
    with connect(url) as connection:
        for _ in range(number // AHEAD):
            connection.sendall(b"".join(bad_requests()[:AHEAD]))
            received = b""
            while received.count(b"HTTP/1.1 4") < AHEAD or not received.endswith(b"}"):
                part = connection.recv(65536)
                assert part, received
                received += part
            assert received.count(b"HTTP/1.1 ") == AHEAD


@pytest.mark.parametrize("port", ["gateway", "pod"])
def test_ten_thousand_bad_requests_leave_nothing(ports: Ports, port: str) -> None:
    process, url = (ports.gateway, ports.gateway.url) if port == "gateway" else (ports.pod, ports.pod.generates)
    send_bad_requests(url, BAD_REQUESTS // 10)
    before = memory(process)
    send_bad_requests(url, BAD_REQUESTS)
    assert memory(process) - before < 8, "MiB"


@contextmanager
def open_files(soft: int) -> Iterator[None]:
    """For this process, and for what it starts meanwhile."""
    old, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (old, hard))


def hold_idle(url: str) -> None:
    """A third says nothing, a third stops in its headers, a third in its body; meanwhile others are served."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + KEY
    with ExitStack() as stack:
        for number in range(IDLE):
            connection = stack.enter_context(connect(url))
            connection.sendall((b"", head, head + b"content-length: 9\r\n\r\n{")[number % 3])
        assert call(url, body=chat_body()).status == 200


def test_idle_connections_keep_nobody_out_and_leave_nothing(ports: Ports, tmp_path: Path) -> None:
    with open_files(256):
        gateway = GatewayProcess(tmp_path, [make_tenant("a")], [make_route([ports.stub.endpoint()])])
    try:
        with open_files(2 * IDLE):
            hold_idle(gateway.url)
            before = memory(gateway)
            hold_idle(gateway.url)
        assert memory(gateway) - before < 8, "MiB"
    finally:
        gateway.kill()


def test_a_flood_of_requests_sent_ahead_is_cut_off(ports: Ports) -> None:
    before = memory(ports.gateway)
    for _ in range(5):
        answers = 0
        with connect(ports.gateway.url) as connection, suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 100_000)
            while part := connection.recv(65536):
                answers += part.count(b"HTTP/1.1 ")
        assert answers <= PIPELINED + 2
    assert memory(ports.gateway) - before < 16, "MiB"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_100_megabytes_is_refused_in_bounded_memory(ports: Ports, *, chunked: bool) -> None:
    size = 100 * MEBIBYTE
    headers = b"transfer-encoding: chunked\r\n" if chunked else b"content-length: %d\r\n" % size
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + KEY + headers + b"\r\n"
    piece = (b"100000\r\n%s\r\n" if chunked else b"%s") % (b"x" * MEBIBYTE)
    for process, url in ((ports.gateway, ports.gateway.url), (ports.pod, ports.pod.generates)):
        answer = send_raw(url, head + piece * 100 + (b"0\r\n\r\n" if chunked else b""))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert memory(process, "VmHWM") < 250, "MiB: the process, the body's parts, a margin"


class SmallGateway(GatewayProcess):
    module = small_gateway.__name__


def test_bodies_together_are_bounded_and_each_tenants_by_half(ports: Ports, tmp_path: Path) -> None:
    """Of a fourth of 256 MiB each tenant holds 32; two together leave nothing to a third."""
    tenants, routes = [make_tenant(name) for name in "abc"], [make_route([ports.stub.endpoint()])]
    gateway = SmallGateway(tmp_path, tenants, routes)
    held = "qwen3_gateway_held_body_bytes"
    try:
        with ExitStack() as stack:
            for tenant in "ab":
                head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n"
                connection = stack.enter_context(connect(gateway.url))
                connection.sendall(head % key_of(tenant).encode() + b"content-length: %d\r\n\r\n" % (32 * MEBIBYTE))
                connection.sendall(b"x" * 31 * MEBIBYTE)
            until(lambda: gateway.metric(held) == 62 * MEBIBYTE)
            long = chat_body(metadata={"x": "x" * 3 * MEBIBYTE})
            answers = [call(gateway.url, body=long, tenant=tenant) for tenant in "ac"]
            assert [answer.status for answer in answers] == [429, 503]
            assert "Wait until some have ended" in answers[0].body.decode()
            assert [call(gateway.url, body=chat_body(), tenant=tenant).status for tenant in "abc"] == [200] * 3
        until(lambda: gateway.metric(held) == 0)
        assert call(gateway.url, body=long).status == 200
    finally:
        gateway.kill()


def test_streams_that_nobody_reads_are_held_back(ports: Ports) -> None:
    before = memory(ports.gateway)
    streams = [open_stream(ports.gateway.url, max_tokens=40_000) for _ in range(5)]
    try:
        time.sleep(1)
        assert call(ports.gateway.url, body=chat_body()).status == 200
        assert memory(ports.gateway) - before < 15, "MiB, of 35 that the streams have"
    finally:
        for stream in streams:
            stream.close()
    until(lambda: ports.stub.totals()["in_flight"] == 0)


def test_absurd_numbers_do_not_close_the_shared_counters(ports: Ports, tmp_path: Path) -> None:
    store = ValkeyServer(tmp_path)
    routes = [make_route([ports.stub.endpoint()])]
    limits = {"output_tokens_per_minute": 10**6}
    gateway = GatewayProcess(tmp_path / "g", [make_tenant("a", limits=limits)], routes, f"--store={store.url}")
    try:
        for fields in ({"max_tokens": 10**4000, "n": 10**4000}, {"max_tokens": 2**63}, {"n": 2**63}):
            call(gateway.url, body=chat_body(user=wish(first=0.01), **fields))
            assert gateway.read("/usage")
        assert gateway.end() == 0
        said = [line for line in gateway.output.splitlines() if "counters are away" in line or "counters miss" in line]
        assert all("Timeout" in line for line in said), said  # a machine may be slow; a script must not fail
    finally:
        gateway.kill()
        store.kill()
