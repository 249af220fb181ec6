"""One HTTP/1.1 connection to the engine on loopback, parsed by httptools.

A general client spends most of the forwarding's millisecond on cookies, redirects, proxies and compression, none of
which exists between runtime and engine.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools
from typing_extensions import override

if TYPE_CHECKING:
    from qwen3_runtime.server.asgi import Header

HELD_BYTES = 256 * 1024
"""Above it no more is read from the engine until the client has taken what is there."""


class EngineError(ConnectionError):
    """The engine cannot be reached, ended its answer early or spoke no HTTP."""


class UnreachableError(EngineError):
    """No connection came about: the engine has nothing of the request."""


class Connection(asyncio.Protocol):
    """One exchange at a time: `ask`, then `readany` until it returns nothing."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._changed: asyncio.Future[None] | None = None
        self._parts: list[bytes] = []
        self._held = 0
        self._paused = False
        self._keep_alive = False
        self._complete = True
        self.status = 0
        self.headers: list[Header] = []
        self.waiting_since: float | None = None
        """Time of the loop since when a request hears nothing of the engine; None: none waits for it."""

    @property
    def is_idle(self) -> bool:
        """Whether another request may be sent on it."""
        return self._transport is not None and self._complete and self._keep_alive and not self._parts

    async def ask(self, request: tuple[bytes, ...]) -> None:
        """Send a request and wait for status and headers.

        Raises:
            EngineError: the connection ended before.
        """
        self.status, self.headers = 0, []
        self._complete = self._keep_alive = False
        if self._transport is not None:
            self._transport.writelines(request)
        while not self.status:
            await self._change()

    async def readany(self) -> bytes:
        """What came of the body, at least one byte; nothing at its end.

        Raises:
            EngineError: the connection ended before the body did.
        """
        while not self._parts:
            if self._complete:
                return b""
            await self._change()
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def read(self) -> bytes:
        """The rest of the body."""
        parts = []
        while part := await self.readany():
            parts.append(part)
        return b"".join(parts)

    def abort(self) -> None:
        """Close at once: the engine gives up what it works on."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.abort()
        if self._held > HELD_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._wake()

    # Called by the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there."""
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, without the marks of chunked transfer."""
        self._parts.append(body)
        self._held += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self._complete = True
        self._keep_alive = self._parser.should_keep_alive()

    async def _change(self) -> None:
        if self._transport is None:
            raise EngineError("the engine closed the connection")
        loop = asyncio.get_running_loop()
        self._changed, self.waiting_since = loop.create_future(), loop.time()
        try:
            await self._changed
        finally:
            self.waiting_since = None

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
