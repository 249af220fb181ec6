"""A client of one engine: the runtime's on loopback, the gateway's of a pod."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from qwen3_runtime.server.connection import Connection, EngineError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager

    from qwen3_runtime.server.asgi import Header

KEEP_ALIVE_SECONDS = 2.0
"""Below the 5 s after which the engine's server closes an idle connection, so that none is reused while it closes."""
CONNECT_SECONDS = 5.0
METRICS_SECONDS = 5.0


class Upstream:
    """Connections to the engine, reused; no limit on their number, since the engine queues by itself."""

    def __init__(self, port: int, address: str = "127.0.0.1", *, reuse: bool = True) -> None:
        self._port = port
        self._reuse = reuse
        self._address = address
        host = f"[{address}]" if ":" in address else address
        self._host = b"host: %s:%d\r\n" % (host.encode(), port)
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._busy: set[Connection] = set()
        self._closed = False

    @property
    def waiting_since(self) -> float | None:
        """Time of the loop since when the request that waits longest has heard nothing; None: none waits."""
        return min((since for busy in self._busy if (since := busy.waiting_since) is not None), default=None)

    def request(
        self, method: str, target: bytes, body: bytes | None, headers: Iterable[Header]
    ) -> AbstractAsyncContextManager[Connection]:
        """Send a request; use as an asynchronous context manager, which raises `EngineError`.

        Leaving it before the answer's end closes the connection and so aborts the engine's work.
        """
        lines = [b"%s %s HTTP/1.1\r\n" % (method.encode(), target), self._host]
        lines += [b"%s: %s\r\n" % header for header in headers]
        if body is None:
            return _Exchange(self, (b"".join(lines) + b"\r\n",))
        lines.append(b"content-length: %d\r\n\r\n" % len(body))
        return _Exchange(self, (b"".join(lines), body))

    async def fetch(self, path: str, within: float) -> bytes | None:
        """Body of a GET, or None when the engine does not answer 200 in time."""
        try:
            async with asyncio.timeout(within), self.request("GET", path.encode(), None, ()) as answer:
                return await answer.read() if answer.status == HTTPStatus.OK else None
        except (EngineError, TimeoutError):
            return None

    async def take(self) -> Connection:
        """A connection that is free, or a new one. Raises `UnreachableError` where the engine does not listen."""
        connection = await self._free()
        self._busy.add(connection)
        return connection

    async def _free(self) -> Connection:
        while self._idle:
            connection, expiry = self._idle.popitem()
            expiry.cancel()
            if connection.is_idle:
                return connection
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(Connection, self._address, self._port)
        except (OSError, TimeoutError) as error:
            raise UnreachableError(f"the engine does not listen: {error}") from error
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer is whole for the next request; close any other."""
        self._busy.discard(connection)
        if self._closed or not self._reuse or not connection.is_idle:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.call_later(KEEP_ALIVE_SECONDS, self._expire, connection)

    def close(self) -> None:
        """Close every connection that is not in use; those in use close when they are given back."""
        self._closed = True
        for connection in tuple(self._idle):
            self._expire(connection)

    def _expire(self, connection: Connection) -> None:
        self._idle.pop(connection).cancel()
        connection.abort()


class _Exchange:
    """A request and its answer."""

    def __init__(self, upstream: Upstream, request: tuple[bytes, ...]) -> None:
        self._upstream = upstream
        self._request = request
        self._connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        self._connection = await self._upstream.take()
        try:
            await self._connection.ask(self._request)
        except BaseException:
            self._upstream.give_back(self._connection)
            raise
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            self._upstream.give_back(self._connection)
