"""Ollama's chat and generate: answers, streams of JSON lines and errors. Pure but for the clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.dialects.dialect import JSON, arguments_of, choice_of
from qwen3_runtime.gateway.dialects.ollama_request import from_chat, from_generate
from qwen3_runtime.gateway.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_runtime.server.errors import ErrorAnswer
    from qwen3_runtime.tenancy import Route


_NANOSECONDS = 1_000_000_000
"""Of a second; Ollama's unit of time."""


class Ollama:
    """One of the two paths."""

    stream_type = b"application/x-ndjson"
    comment = b""

    def __init__(
        self, request: Callable[[JSON], JSON], say: Callable[[str, str, list[JSON]], JSON], words: str
    ) -> None:
        """``say(text, thought, calls)`` puts what the model said into the path's own fields.

        ``words`` is the field without which a request only wants the model loaded.
        """
        self._request = request
        self._say = say
        self._words = words

    def chat(self, request: JSON, route: Route) -> JSON:  # noqa: ARG002 - as every dialect
        """The request for /v1/chat/completions."""
        return self._request(request)

    def own(self, request: JSON) -> JSON | None:
        """To who only wants the model loaded, as the command line does before a conversation."""
        if request.get(self._words):
            return None
        return _head(request) | self._say("", "", []) | {"done": True, "done_reason": "load"}

    def answer(self, completion: JSON) -> JSON:
        """An answer in one piece."""
        choice = completion["choices"][0]
        message = choice["message"]
        calls = [_call(call) for call in message.get("tool_calls") or ()]
        said = self._say(message.get("content") or "", message.get("reasoning_content") or "", calls)
        return _head(completion) | said | _end(choice.get("finish_reason"), completion.get("usage") or {})

    def stream(self) -> LineStream:
        """An answer in lines."""
        return LineStream(self._say)

    def error(self, error: ErrorAnswer) -> bytes:
        """An error as the whole answer."""
        return json.dumps({"error": error.message}).encode()

    def error_event(self, error: ErrorAnswer) -> bytes:
        """An error as a line."""
        return self.error(error) + b"\n"


class LineStream:
    """One answer; calls of tools are told whole, before its end."""

    def __init__(self, say: Callable[[str, str, list[JSON]], JSON]) -> None:
        self._say = say
        self._began = datetime.now(UTC)
        self._head: JSON = {}
        self._calls: dict[int, JSON] = {}
        self._reason: str | None = None
        self._usage: JSON = {}

    def feed(self, chunk: JSON) -> bytes:
        """The line of one chunk."""
        self._head = _head(chunk)
        self._usage = chunk.get("usage") or self._usage
        choice = choice_of(chunk)
        if choice is None:
            return b""
        self._reason = choice.get("finish_reason") or self._reason
        delta = choice.get("delta") or {}
        for piece in delta.get("tool_calls") or ():
            self._gather(piece)
        text, thought = delta.get("content") or "", delta.get("reasoning_content") or ""
        return self._line(text, thought, [], {"done": False}) if text or thought else b""

    def end(self) -> bytes:
        """The calls, and the counts."""
        calls = [_call(call) for _, call in sorted(self._calls.items())]
        out = self._line("", "", calls, {"done": False}) if calls else b""
        took = round((datetime.now(UTC) - self._began).total_seconds() * _NANOSECONDS)
        end = _end(self._reason, self._usage) | {"total_duration": took}
        return out + self._line("", "", [], end)

    def _gather(self, piece: JSON) -> None:
        call = self._calls.setdefault(piece.get("index", 0), {"function": {"name": "", "arguments": ""}})["function"]
        function = piece.get("function") or {}
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def _line(self, text: str, thought: str, calls: list[JSON], end: JSON) -> bytes:
        return json.dumps(self._head | self._say(text, thought, calls) | end).encode() + b"\n"


def _head(chat: JSON) -> JSON:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"model": chat.get("model"), "created_at": now}


def _end(reason: str | None, usage: JSON) -> JSON:
    found = read_usage(usage)
    return {
        "done": True,
        "done_reason": "length" if reason == "length" else "stop",
        "prompt_eval_count": found.prompt,
        "eval_count": found.output,
    }


def _call(call: JSON) -> JSON:
    return {"function": {"name": call["function"]["name"], "arguments": arguments_of(call)}}


def _message(text: str, thought: str, calls: list[JSON]) -> JSON:
    message: JSON = {"role": "assistant", "content": text}
    if thought:
        message["thinking"] = thought
    if calls:
        message["tool_calls"] = calls
    return {"message": message}


def _response(text: str, thought: str, calls: list[JSON]) -> JSON:  # noqa: ARG001 - generate knows no tools
    return {"response": text} | ({"thinking": thought} if thought else {})


CHAT = Ollama(from_chat, _message, "messages")
GENERATE = Ollama(from_generate, _response, "prompt")
