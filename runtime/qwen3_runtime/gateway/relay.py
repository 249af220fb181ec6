"""The answer on its way to the client: as it came, with the engine's count of tokens read in passing."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.dialects.dialect import message_of, relayed, whole
from qwen3_runtime.gateway.usage import Usage, find_usage, rerank_usage
from qwen3_runtime.server.asgi import Header, Send, send_body, send_start
from qwen3_runtime.server.errors import CLIENT_GONE, ErrorAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qwen3_runtime.gateway.dialects.dialect import Dialect
    from qwen3_runtime.gateway.record import Record
    from qwen3_runtime.server.connection import Connection

LAST_BYTES_SECONDS = 2.0
"""For handing an error to a client that may not be reading any more."""
EVENT_END = b"\n\n"
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-authenticate", b"te", b"trailer", b"transfer-encoding"))
"""RFC 9110, 7.6.1: these describe the connection to the replica, not the answer."""
_REPLACED = HOP_BY_HOP | {b"content-length", b"x-request-id"}
_USAGE = b'"usage":{'
_NO_CHOICES = b'"choices":[]'


class Relay:
    """One answer."""

    def __init__(self, send: Send, record: Record) -> None:
        self._send = send
        self._record = record
        self.headers: list[Header] = [(b"x-request-id", record.request_id.encode())]
        """Of the gateway itself, beside the replica's."""
        self.dialect: Dialect | None = None
        """Whose words the client understands; None: the replica's own."""
        self.hide_usage = False
        """The client did not ask for its stream's usage event."""
        self.on_usage: Callable[[Usage], None] | None = None
        """Called before the client can have read the end: what it saw whole is counted whole."""
        self.started = False
        """The client has the status line."""
        self.answering = False
        """The client has something of a replica's answer: nothing can be asked again."""
        self.events = 0
        """Passed on; a stream has about one for each token."""
        self._streaming = False

    async def whole(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        """An answer in one piece."""
        self._tell(rerank_usage(body) if body.startswith(b"[") else find_usage(body))
        if self.started:
            # Comments went out, so what is no stream is the engine's refusal of one.
            self._record.code = status
            await send_body(self._send, self._refusal(status, body), more=False)
            return
        if self.dialect is not None:
            body = whole(self.dialect, status, body)
        await self._start(status, [*_kept(headers), (b"content-length", b"%d" % len(body))])
        self._first_byte()
        await send_body(self._send, body, more=False)

    async def own(self, answer: Any) -> None:
        """The gateway's own answer, in the client's words already."""
        body = json.dumps(answer).encode()
        await self._start(200, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))])
        self._first_byte()
        await send_body(self._send, body, more=False)

    async def comment(self, text: str) -> None:
        """Show a client that waits for a stream that it is not forgotten. From here on errors are events."""
        said = f": {text}\n\n".encode() if self.dialect is None else self.dialect.comment
        if not said:
            return
        if not self.started:
            await self._start(200, [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")])
            self._streaming = True
        await send_body(self._send, said, more=True)

    async def stream(self, response: Connection) -> None:
        """Events as they come."""
        if not self.started:
            await self._start(response.status, self._stream_headers(response.headers))
        self._streaming = True
        translated = None if self.dialect is None else partial(relayed, self.dialect, self.dialect.stream())
        held = b""
        while chunk := await response.readany():
            if held or not chunk.endswith(EVENT_END):
                # Only a piece of an event waits for its rest: no client could read it anyway.
                whole, end, held = (held + chunk).rpartition(EVENT_END)
                chunk = whole + end
            if _USAGE in chunk:
                chunk = self._read_usage(chunk)
            if chunk:
                self.events += chunk.count(EVENT_END)
                self._first_byte()
                if translated is not None:
                    chunk = translated(chunk)
                await send_body(self._send, chunk, more=True)
        self._streaming = False
        # What is no whole event cannot be translated.
        await send_body(self._send, held if translated is None else b"", more=False)

    async def fail(self, error: ErrorAnswer) -> None:
        """End the answer so that the client sees the failure, whatever has gone out already."""
        self._record.code = error.status
        if error is CLIENT_GONE:
            return
        try:
            async with asyncio.timeout(LAST_BYTES_SECONDS):
                if self._streaming:
                    await send_body(self._send, self._as_event(error), more=False)
                else:
                    body = error.body() if self.dialect is None else self.dialect.error(error)
                    length = (b"content-length", b"%d" % len(body))
                    own = ((b"content-type", b"application/json"), length, *error.headers, *self.headers)
                    await send_start(self._send, error.status, own)
                    await send_body(self._send, body, more=False)
        except TimeoutError:
            return

    def _as_event(self, error: ErrorAnswer) -> bytes:
        return error.event() if self.dialect is None else self.dialect.error_event(error)

    def _refusal(self, status: int, body: bytes) -> bytes:
        if self.dialect is None:
            return b"data: " + body + EVENT_END
        return self.dialect.error_event(ErrorAnswer(status, "", message_of(body)))

    def _stream_headers(self, headers: Iterable[Header]) -> list[Header]:
        kept = _kept(headers)
        if self.dialect is None:
            return kept
        return [
            (b"content-type", self.dialect.stream_type),
            *(one for one in kept if one[0].lower() != b"content-type"),
        ]

    def _read_usage(self, chunk: bytes) -> bytes:
        kept = []
        for event in chunk.split(EVENT_END):
            if _USAGE in event and (usage := find_usage(event)) is not None:
                self._tell(usage)
                if self.hide_usage and _NO_CHOICES in event:
                    continue
            kept.append(event)
        return EVENT_END.join(kept)

    def _tell(self, usage: Usage | None) -> None:
        if usage is not None and self.on_usage is not None:
            self.on_usage(usage)

    def _first_byte(self) -> None:
        self.answering = True
        if self._record.first_byte is None:
            self._record.first_byte = self._record.elapsed()

    async def _start(self, status: int, headers: list[Header]) -> None:
        self.started = True
        self._record.code = status
        await send_start(self._send, status, [*headers, *self.headers])


def _kept(headers: Iterable[Header]) -> list[Header]:
    return [header for header in headers if header[0].lower() not in _REPLACED]
