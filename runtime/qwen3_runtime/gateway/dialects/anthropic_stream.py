"""Chunks of the chat API as events of Anthropic's: blocks are opened, filled and closed one after another. Pure."""

from __future__ import annotations

from typing import Any

from qwen3_runtime.gateway.dialects.anthropic_words import blank_message, counts, event, stop
from qwen3_runtime.gateway.dialects.dialect import JSON, choice_of

_TEXTS = (
    ("reasoning_content", "thinking", {"thinking": "", "signature": ""}, "thinking_delta"),
    ("content", "text", {"text": ""}, "text_delta"),
)
"""Field of a chunk; type, empty content and delta of its block."""


class MessageStream:
    """One message."""

    def __init__(self) -> None:
        self._started = False
        self._blocks = 0
        self._open: object = None
        """Type of the block that is being filled, or the index of its tool call."""
        self._stop: JSON = stop({})
        self._usage: dict[str, int] = {"output_tokens": 0}

    def feed(self, chunk: JSON) -> bytes:
        """Events of one chunk."""
        out = b"" if self._started else event("message_start", {"message": blank_message(chunk)})
        self._started = True
        if chunk.get("usage"):
            self._usage = counts(chunk["usage"])
        choice = choice_of(chunk)
        if choice is None:
            return out
        delta = choice.get("delta") or {}
        for field, kind, empty, name in _TEXTS:
            if text := delta.get(field):
                out += self._enter(kind, {"type": kind, **empty}) + self._delta({"type": name, kind: text})
        for call in delta.get("tool_calls") or ():
            out += self._call(call)
        if choice.get("finish_reason"):
            self._stop = stop(choice)
        return out

    def end(self) -> bytes:
        """The last block's end, the reason and the counts."""
        return (
            self._close()
            + event("message_delta", {"delta": self._stop, "usage": self._usage})
            + event("message_stop", {})
        )

    def _call(self, call: JSON) -> bytes:
        function = call.get("function") or {}
        block: JSON = {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": {}}
        out = self._enter(call.get("index", 0), block)
        if text := function.get("arguments"):
            out += self._delta({"type": "input_json_delta", "partial_json": text})
        return out

    def _enter(self, what: object, block: dict[str, Any]) -> bytes:
        if self._open == what:
            return b""
        closed = self._close()
        self._open = what
        self._blocks += 1
        return closed + event("content_block_start", {"index": self._blocks - 1, "content_block": block})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return event("content_block_delta", {"index": self._blocks - 1, "delta": delta})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return event("content_block_stop", {"index": self._blocks - 1})
