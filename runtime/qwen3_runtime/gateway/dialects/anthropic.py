"""Anthropic's Messages API: answers and errors. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.dialects.anthropic_request import chat_request
from qwen3_runtime.gateway.dialects.anthropic_stream import MessageStream
from qwen3_runtime.gateway.dialects.anthropic_words import blank_message, counts, event, stop
from qwen3_runtime.gateway.dialects.dialect import JSON, arguments_of

if TYPE_CHECKING:
    from qwen3_runtime.server.errors import ErrorAnswer
    from qwen3_runtime.tenancy import Route

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""By status: platform.claude.com/docs/en/api/errors, whose 529 is 503 here."""
_SERVER = 500


class Messages:
    """``POST /v1/messages``."""

    stream_type = b"text/event-stream"
    comment = event("ping", {})

    def chat(self, request: JSON, route: Route) -> JSON:
        """The request for /v1/chat/completions."""
        return chat_request(request, route)

    def own(self, request: JSON) -> None:
        """Every request is for a replica."""
        del request

    def answer(self, completion: JSON) -> JSON:
        """A message."""
        choice = completion["choices"][0]
        return blank_message(completion) | {
            "content": _blocks(choice["message"]),
            **stop(choice),
            "usage": counts(completion.get("usage") or {}),
        }

    def stream(self) -> MessageStream:
        """A message in events."""
        return MessageStream()

    def error(self, error: ErrorAnswer) -> bytes:
        """An error as the whole answer."""
        return json.dumps({"type": "error"} | _error(error)).encode()

    def error_event(self, error: ErrorAnswer) -> bytes:
        """An error in a stream."""
        return event("error", _error(error))


def _error(error: ErrorAnswer) -> JSON:
    kind = _KINDS.get(error.status, "api_error" if error.status >= _SERVER else "invalid_request_error")
    return {"error": {"type": kind, "message": error.message}}


def _blocks(message: JSON) -> list[JSON]:
    found: list[dict[str, Any]] = []
    if message.get("reasoning_content"):
        found.append({"type": "thinking", "thinking": message["reasoning_content"], "signature": ""})
    if message.get("content"):
        found.append({"type": "text", "text": message["content"]})
    for call in message.get("tool_calls") or ():
        name = call["function"]["name"]
        found.append({"type": "tool_use", "id": call["id"], "name": name, "input": arguments_of(call)})
    return found
