"""The connection to the engine, against a server that speaks bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from qwen3_runtime.server import upstream as upstream_module
from qwen3_runtime.server.connection import HELD_BYTES, EngineError
from qwen3_runtime.server.upstream import Upstream
from tests.patience import HANG_SECONDS

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def engine(talk: Talk) -> AsyncIterator[Upstream]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream = Upstream(server.sockets[0].getsockname()[1])
    async with server:
        yield upstream
        upstream.close()


def answering(*answers: bytes) -> tuple[Talk, list[bytes]]:
    """A server that gives one answer per request of one connection, and the requests it saw."""
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()

    return talk, seen


async def test_request_carries_target_host_headers_and_length() -> None:
    talk, seen = answering(WHOLE)
    async with engine(talk) as upstream:
        headers = [(b"x-request-id", b"a b"), (b"content-type", b"application/json")]
        async with upstream.request("POST", b"/v1/x?y=%20", b"{}", headers) as answer:
            assert (answer.status, await answer.read()) == (200, b"ok")
    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"POST /v1/x?y=%20 HTTP/1.1"
    assert lines[1].startswith(b"host: 127.0.0.1:")
    assert lines[2:] == [b"x-request-id: a b", b"content-type: application/json", b"content-length: 2", b"", b""]


async def test_an_answer_that_nobody_read_never_reaches_the_next_request() -> None:
    answers = [WHOLE.replace(b"200 OK", b"503 no"), WHOLE.replace(b"ok", b"hi")]
    connections: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        answer = answers[len(connections) - 1]
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)

    async with engine(talk) as upstream:
        assert await upstream.fetch("/metrics", HANG_SECONDS) is None
        assert await upstream.fetch("/metrics", HANG_SECONDS) == b"hi", "on a connection of its own"


async def test_what_cannot_be_used_again_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_module, "KEEP_ALIVE_SECONDS", 2 * HANG_SECONDS)
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WHOLE[:-1])
        await writer.drain()
        assert await reader.read() == b""
        ended.set()

    async with engine(talk) as upstream:
        async with upstream.request("GET", b"/", None, ()):
            pass
        await asyncio.wait_for(ended.wait(), HANG_SECONDS)


async def test_connection_is_used_again() -> None:
    talk, seen = answering(WHOLE, WHOLE)
    async with engine(talk) as upstream:
        for _ in range(2):
            assert await upstream.fetch("/metrics", HANG_SECONDS) == b"ok"
    assert len(seen) == 2


async def test_connection_that_the_engine_wants_closed_is_not_used_again() -> None:
    talk, seen = answering(WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    async with engine(talk) as upstream:
        for _ in range(2):
            assert await upstream.fetch("/metrics", HANG_SECONDS) == b"ok"
    assert len(seen) == 2


async def test_answer_left_before_its_end_closes_the_connection() -> None:
    left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
        assert await reader.read() == b""
        left.set()

    async with engine(talk) as upstream:
        async with upstream.request("GET", b"/", None, ()) as answer:
            assert await answer.readany() == b"ok"
        await asyncio.wait_for(left.wait(), HANG_SECONDS)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nno length: an end cannot be told from a cut",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
async def test_answer_cut_short_is_an_error(answer: bytes) -> None:
    talk, _ = answering(answer)
    async with engine(talk) as upstream:
        with pytest.raises(EngineError):
            async with upstream.request("GET", b"/", None, ()) as got:
                await got.read()


async def test_engine_that_does_not_listen_is_an_error() -> None:
    upstream = Upstream(9)
    with pytest.raises(EngineError, match="does not listen"):
        async with upstream.request("GET", b"/", None, ()):
            pass
    assert await upstream.fetch("/metrics", HANG_SECONDS) is None


async def test_slow_client_holds_the_engine_back_and_loses_nothing() -> None:
    body = bytes(range(256)) * 400_000
    drained = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), HELD_BYTES):
            writer.write(body[start : start + HELD_BYTES])
            await writer.drain()
        drained.set()

    async with engine(talk) as upstream, upstream.request("GET", b"/", None, ()) as answer:
        await asyncio.sleep(0.3)
        assert not drained.is_set(), "100 MB were read although nobody took them"
        assert await answer.read() == body
