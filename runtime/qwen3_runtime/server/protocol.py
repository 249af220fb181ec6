"""uvicorn's HTTP/1.1 connection with the limits that a port needs which others reach."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import Transport
    from collections.abc import Callable

    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEADER_BYTES = 32 * 1024
"""Of all headers, trailers and the target; nginx takes 4 of 8 KiB."""
HEADER_SECONDS = 10.0
"""To the end of the headers: from a connection's opening, from a request's first byte, or from what still comes after
an answer, such as the rest of a body that nobody wanted."""
GONE = "qwen3.gone"
"""Extension of the ASGI scope: takes what is to be called when the client has left before its answer's end, or None.
It costs less than a task that waits for that."""
PIPELINED = 16
"""Requests of one connection that wait for the answers before them; no client in use sends any ahead."""


class RefusedByGuardError(Exception):
    """Makes the parser give up, which answers 400 and closes the connection."""


class _Lingering(asyncio.Transport):
    """What answers are written to. Closed under a body that still comes, a connection is reset, its answer lost.

    The head of an answer of known length goes out with its first bytes: each write is a call of the kernel, and a
    third of what a small answer costs.
    """

    def __init__(self, transport: Transport, linger: Callable[[], None]) -> None:
        super().__init__()
        self._transport, self._linger = transport, linger
        self._cycle: RequestResponseCycle | None = None
        self._head: bytes | bytearray | memoryview = b""
        self._begun = False

    def answer(self, cycle: RequestResponseCycle) -> None:
        """What is written from here on answers this."""
        self._cycle, self._begun = cycle, False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        cycle = self._cycle
        if cycle is not None and cycle.response_started and not self._begun:
            self._begun = True
            if cycle.expected_content_length and cycle.scope["method"] != "HEAD":
                self._head = data
                return
        self._flush(data)

    def _flush(self, data: bytes | bytearray | memoryview = b"") -> None:
        if self._head:
            self._transport.writelines((self._head, data))
            self._head = b""
        elif data:
            self._transport.write(data)

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def close(self) -> None:
        self._flush()
        if self._cycle is not None and self._cycle.more_body and not self._transport.is_closing():
            self._linger()
        else:
            self._transport.close()


class GuardedProtocol(HttpToolsProtocol):
    """Refuses long and slow headers, and floods. The parser itself refuses a body whose length is told twice."""

    _answers_go_to: _Lingering
    """One for all requests of the connection: one of each would be garbage that only a collection finds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_bytes = 0
        self._in_headers = False
        self._deadline: asyncio.TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None
        self._lingers = False
        self._when_gone: Callable[[], None] | None = None

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._answers_go_to = _Lingering(transport, self._linger)
        self._await_headers()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)
        # uvicorn tells the newest request alone, which may be one that waits for this one's answer.
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
            if self._when_gone is not None:
                self._when_gone()
        # It knows this connection, and both would be garbage that only a collection finds.
        del self._answers_go_to

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Whatever came has stopped uvicorn's clock of idle connections, even if it began no request.
        is_over = self.cycle is not None and self.cycle.response_complete
        if self._deadline is None and (self._in_headers or is_over):
            self._await_headers()

    @override
    def on_message_begin(self) -> None:
        self._header_bytes = 0
        self._in_headers = True
        super().on_message_begin()

    @override
    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        # RFC 9110, 6.5.1: a trailer is no header. uvicorn would put it among them.
        if self._in_headers:
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise RefusedByGuardError
        self._in_headers = False
        self._headers_came()
        super().on_headers_complete()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering, self._when_gone = cycle, None
        cycle.scope["extensions"] = {GONE: self._call_when_gone}  # type: ignore[dict-item]
        self._answers_go_to.answer(cycle)
        cycle.transport = self._answers_go_to
        super()._start_asgi_task(cycle, app)

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._lingers:
            self.transport.close()

    def _call_when_gone(self, call: Callable[[], None] | None) -> None:
        self._when_gone = call
        if call is None:
            return
        if self._answering is not None and self._answering.disconnected:
            call()
        # A long body stopped the reading, by which alone the end is seen.
        self.flow.resume_reading()

    def _linger(self) -> None:
        self._lingers = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self._deadline is None:
            self._await_headers()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_BYTES:
            raise RefusedByGuardError

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
