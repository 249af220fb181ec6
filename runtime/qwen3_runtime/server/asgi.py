"""The few pieces of ASGI that the API port needs; a framework's would cost as much as the forwarding itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from qwen3_runtime.server.protocol import GONE

if TYPE_CHECKING:
    from qwen3_runtime.server.errors import ErrorAnswer

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]


class BodyTooLargeError(Exception):
    """The client sends more than the limit."""


class DisconnectedError(Exception):
    """The client left before its request was complete."""


async def read_body(receive: Receive, limit: int, take: Callable[[int], None] = lambda _: None) -> bytes:
    """The whole request body.

    Args:
        receive: of the request.
        limit: in bytes.
        take: is told the bytes of each part before it is kept; what it raises ends the reading.

    Raises:
        BodyTooLargeError: it is longer than ``limit`` bytes.
        DisconnectedError: it never became complete.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLargeError
        take(len(part))
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def when_gone(scope: Scope, call: Callable[[], None] | None) -> None:
    """Call this when the client leaves before it has its answer; None: nothing any more. After its body."""
    scope["extensions"][GONE](call)


async def send_start(send: Send, status: int, headers: Iterable[Header]) -> None:
    """Status line and headers."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def send_body(send: Send, body: bytes, *, more: bool) -> None:
    """A piece of the body; ``more=False`` ends it."""
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def send_error(send: Send, error: ErrorAnswer, *, close: bool) -> None:
    """An error as a complete answer."""
    body = error.body()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *error.headers,
        *(((b"connection", b"close"),) if close else ()),
    ]
    await send_start(send, error.status, headers)
    await send_body(send, body, more=False)
