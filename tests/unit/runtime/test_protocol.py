"""What one connection may do to a port, over real sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.server import listen, protocol
from qwen3_runtime.server.listen import Listener
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
SHORT = 0.3


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """As for a wrong key: the body is not read. Headers come back."""
    await asyncio.sleep(0.05)
    del receive
    body = json.dumps([name.decode() for name, _ in scope["headers"]]).encode()
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(app: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listener = Listener(app, 0)
    await listener.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=4096)
    try:
        yield reader, writer
    finally:
        writer.close()
        await listener.close()


@pytest.mark.parametrize("late", [b"x", b"x" * 1000, b"\r\n", GET[:9]])
async def test_what_comes_after_an_answer_does_not_keep_the_connection(
    late: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It used to stop the clock of idle connections for good: anyone could hold all of a port's."""
    async with connected(refuse) as (reader, writer):
        writer.write(GET if late == b"\r\n" else POST)
        assert await reader.readuntil(b"]")
        monkeypatch.setattr(protocol, "HEADER_SECONDS", SHORT)
        writer.write(late)
        async with asyncio.timeout(HANG_SECONDS):
            assert await reader.read() == b""


@pytest.mark.parametrize("length", [b"4", None])
async def test_a_head_waits_for_the_body_only_where_its_length_is_known(length: bytes | None) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        headers = [(b"content-length", length)] if length else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        begun.set()
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"said"})

    async with connected(slow) as (reader, writer):
        writer.write(GET)
        await begun.wait()
        if length is None:
            assert await reader.readuntil(b"\r\n\r\n")
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), SHORT)
        go_on.set()
        assert await reader.readuntil(b"said")


async def test_an_answer_to_head_is_its_head() -> None:
    async with connected(refuse) as (reader, writer):
        writer.write(GET.replace(b"GET", b"HEAD"))
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HANG_SECONDS)).startswith(b"HTTP/1.1 401 ")


async def test_a_connection_is_used_again_after_a_body_that_nobody_read() -> None:
    async with connected(refuse) as (reader, writer):
        for _ in range(2):
            writer.write(POST)
            assert await reader.readuntil(b"]")
            writer.write(b"x" * 1000)


async def test_an_early_answer_is_not_lost_under_a_long_body() -> None:
    """A connection that is closed with bytes unread is reset, and what its client has not read yet is gone."""
    size = 3_000_000
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size
    async with connected(refuse) as (reader, writer):
        writer.write(head)
        for _ in range(10):
            await asyncio.sleep(0.02)
            writer.write(b"x" * (size // 10))
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), HANG_SECONDS)
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_a_body_that_never_ends_holds_no_answered_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(refuse) as (reader, writer):
        writer.write(POST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        monkeypatch.setattr(protocol, "HEADER_SECONDS", SHORT)
        assert (await reader.read()).endswith(b"]")
        with pytest.raises(ConnectionError):  # noqa: PT012 - the first writes may still be taken
            async with asyncio.timeout(HANG_SECONDS):
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)


async def test_a_trailer_is_no_header() -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
    async with connected(refuse) as (reader, writer):
        writer.write(head + b"authorization: Bearer x\r\n\r\n")
        answer = await reader.readuntil(b"]")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == ["host", "transfer-encoding"]


async def test_requests_sent_ahead_are_few() -> None:
    async with connected(refuse) as (reader, writer):
        writer.write(GET * protocol.PIPELINED)
        for _ in range(protocol.PIPELINED):
            assert (await reader.readuntil(b"]")).startswith(b"HTTP/1.1 401 ")
        writer.write(GET * 1000)
        answers = await asyncio.wait_for(reader.read(), HANG_SECONDS)
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert answers.count(b"HTTP/1.1 ") == 1


async def test_a_client_that_leaves_is_noticed_whatever_it_sent_ahead() -> None:
    gone = asyncio.Event()

    async def wait(scope: Any, receive: Any, send: Any) -> None:
        del scope, send
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with connected(wait) as (_, writer):
        writer.write(GET * 3)
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.wait_for(gone.wait(), HANG_SECONDS)


async def test_a_client_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "UNREAD_SECONDS", SHORT)
    gone = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        del scope
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        watch = asyncio.create_task(receive())
        while not watch.done():
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        gone.set()

    async with connected(endless) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(gone.wait(), HANG_SECONDS)
