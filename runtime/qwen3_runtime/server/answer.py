"""The answer to one request as it goes out: whole, as a stream, or as a failure that nobody takes for an end."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from qwen3_runtime.server import errors
from qwen3_runtime.server.asgi import Header, Send, send_body, send_error, send_start
from qwen3_runtime.server.traffic import InterruptedRequestError
from qwen3_runtime.server.usage import begins_answer, ends_choice, take_usage, usage_of

if TYPE_CHECKING:
    from qwen3_runtime.server.connection import Connection
    from qwen3_runtime.server.errors import ErrorAnswer
    from qwen3_runtime.server.usage import Usage

LAST_BYTES_SECONDS = 2.0
"""For handing an error to a client that may not be reading any more."""
EVENT_END = b"\n\n"
STREAM_END = b"data: [DONE]\n\n"


class Answer:
    """What has gone to the client so far."""

    def __init__(self, send: Send, *, close: bool) -> None:
        self._send = send
        self._close = close
        self._streaming = False
        self._began = perf_counter()
        self.first_byte: float | None = None
        """Seconds from the request's arrival to the first byte of the body."""
        self.first_answer: float | None = None
        """Of a stream: seconds from the request's arrival to the first token that belongs to no thought."""
        self.usage: Usage | None = None
        """Tokens as the engine counted them, once the answer is complete."""
        self.outcome = 0
        """HTTP status for the metrics."""
        self.is_stream = False
        """Whether the answer goes out as a stream, whatever became of it."""

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        """An answer that came in one piece. Its length is known, so that a cut cannot look like an end."""
        await self._start(status, [header for header in headers if header[0].lower() != b"content-length"], len(body))
        self.first_byte = perf_counter() - self._began
        self.usage = usage_of(body)
        await send_body(self._send, body, more=False)

    async def stream(self, response: Connection, headers: list[Header], *, hide_usage: bool, marks_end: bool) -> None:
        """Events as they come. Only a piece of an event waits for its rest: no client could read it anyway.

        Args:
            response: The engine's.
            headers: For the client.
            hide_usage: Leave out the event that has nothing but counts.
            marks_end: Whether the engine ends its streams with ``[DONE]``; it is added where it does not.
        """
        await self._start(response.status, headers, None)
        self._streaming = self.is_stream = True
        sent = held = b""
        while chunk := await response.readany():
            if held or not chunk.endswith(EVENT_END):
                events, end, held = (held + chunk).rpartition(EVENT_END)
                chunk = events + end
            chunk, usage = take_usage(chunk, hide=hide_usage)
            self.usage = usage or self.usage
            if not chunk:
                continue
            if self.first_byte is None:
                self.first_byte = perf_counter() - self._began
            if self.first_answer is None and begins_answer(chunk):
                self.first_answer = perf_counter() - self._began
            await send_body(self._send, chunk, more=True)
            sent = chunk
        if held or not (sent.endswith(STREAM_END) if marks_end else ends_choice(sent)):
            raise InterruptedRequestError(errors.ENGINE_FAILED)
        self._streaming = False
        await send_body(self._send, b"" if marks_end else STREAM_END, more=False)

    async def fail(self, error: ErrorAnswer) -> None:
        """End the answer so that the client sees the failure, whatever has gone out already."""
        self.outcome = error.status
        if error is errors.CLIENT_GONE:
            return
        try:
            async with asyncio.timeout(LAST_BYTES_SECONDS):
                if self._streaming:
                    await send_body(self._send, error.event(), more=False)
                else:
                    await send_error(self._send, error, close=self._close)
        except TimeoutError:
            return

    async def _start(self, status: int, headers: list[Header], length: int | None) -> None:
        self.outcome = status
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        if self._close:
            headers.append((b"connection", b"close"))
        await send_start(self._send, status, headers)
