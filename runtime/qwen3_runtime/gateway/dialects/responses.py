"""OpenAI's Responses API: answers and errors. Pure.

It is put into the words of the chat API instead of being passed to an engine: SGLang's own has no field that holds a
thought to a ceiling, and other engines have none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.dialects.responses_request import chat_request
from qwen3_runtime.gateway.dialects.responses_stream import ResponseStream
from qwen3_runtime.gateway.dialects.responses_words import ended, function_call, message, reasoning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_runtime.gateway.dialects.dialect import JSON
    from qwen3_runtime.server.errors import ErrorAnswer
    from qwen3_runtime.tenancy import Route


class Responses:
    """``POST /v1/responses``."""

    stream_type = b"text/event-stream"
    comment = b": the model is starting\n\n"

    def chat(self, request: JSON, route: Route) -> JSON:  # noqa: ARG002 - as every dialect
        """The request for /v1/chat/completions."""
        return chat_request(request)

    def own(self, request: JSON) -> None:
        """Every request is for a replica."""
        del request

    def answer(self, completion: JSON) -> JSON:
        """A response."""
        choice = completion["choices"][0]
        output = list(_items(completion.get("id") or "", choice["message"]))
        return ended(completion, choice.get("finish_reason"), output, completion.get("usage") or {})

    def stream(self) -> ResponseStream:
        """A response in events."""
        return ResponseStream()

    def error(self, error: ErrorAnswer) -> bytes:
        """An error as the whole answer."""
        return error.body()

    def error_event(self, error: ErrorAnswer) -> bytes:
        """An error in a stream."""
        told = {"type": "error", "code": error.code or None, "message": error.message, "param": error.param}
        return b"event: error\ndata: " + json.dumps(told | {"sequence_number": 0}).encode() + b"\n\n"


def _items(name: str, said: JSON) -> Iterator[JSON]:
    """Each has its place in its name."""
    number = 0
    for text, make in ((said.get("reasoning_content"), reasoning), (said.get("content"), message)):
        if text:
            yield make(f"{name}_{number}", text)
            number += 1
    for call in said.get("tool_calls") or ():
        yield function_call(f"{name}_{number}", call, call["function"].get("arguments") or "{}")
        number += 1
