"""uvicorn's HTTP/1.1 connection with the limits that a port needs which others reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from asyncio import Transport

HEADER_BYTES = 32 * 1024
"""Of all headers and the target; nginx takes 4 of 8 KiB."""
HEADER_SECONDS = 10.0
"""From a connection's first byte, or its opening, to the end of the headers."""


class HeadersTooLongError(Exception):
    """Makes the parser give up, which answers 400 and closes the connection."""


class GuardedProtocol(HttpToolsProtocol):
    """Refuses long and slow headers. The parser itself refuses a body whose length is told twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    @override
    def on_message_begin(self) -> None:
        self._header_bytes = 0
        if self._deadline is None:
            self._await_headers()
        super().on_message_begin()

    @override
    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_BYTES:
            raise HeadersTooLongError

    def _await_headers(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _headers_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
