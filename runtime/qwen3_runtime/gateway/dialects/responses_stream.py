"""Chunks of the chat API as events of the Responses API: items open, are filled and close, one after another. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.dialects.dialect import JSON, choice_of
from qwen3_runtime.gateway.dialects.responses_words import (
    ended,
    function_call,
    message,
    reasoning,
    response,
    text_part,
    thought_part,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class _Kind:
    """One kind of item."""

    word: str
    """Of its own events: ``response.<word>.delta``."""
    make: Callable[[str, str, str], JSON]
    """From name, text and status to the item."""
    part: Callable[[str], JSON] | None = None
    """From text to its content's only part; None: it has no content."""


_THOUGHT = _Kind("reasoning_text", reasoning, thought_part)
_TEXT = _Kind("output_text", message, text_part)
_TEXTS = (("reasoning_content", _THOUGHT), ("content", _TEXT))
"""Field of a chunk and what it fills."""


@dataclass
class _Item:
    """The item that is being filled."""

    key: object
    """Field of the chunks, or index of the tool call."""
    kind: _Kind
    name: str
    text: str = ""

    def whole(self, status: str) -> JSON:
        """As it is now."""
        return self.kind.make(self.name, self.text, status)

    def place(self) -> JSON:
        """What its own events begin with."""
        place: JSON = {"item_id": self.whole("")["id"]}
        return place | ({"content_index": 0} if self.kind.part else {})


class ResponseStream:
    """One response."""

    def __init__(self) -> None:
        self._number = 0
        self._head: JSON = {}
        self._items: list[JSON] = []
        self._open: _Item | None = None
        self._reason: str | None = None
        self._usage: JSON = {}

    def feed(self, chunk: JSON) -> bytes:
        """Events of one chunk."""
        out = b"" if self._head else self._begin(chunk)
        self._usage = chunk.get("usage") or self._usage
        choice = choice_of(chunk)
        if choice is None:
            return out
        delta = choice.get("delta") or {}
        for field, kind in _TEXTS:
            if text := delta.get(field):
                out += self._fill(field, kind, text)
        for call in delta.get("tool_calls") or ():
            out += self._call(call)
        self._reason = choice.get("finish_reason") or self._reason
        return out

    def end(self) -> bytes:
        """The last item's end and the whole response."""
        out = self._close()
        whole = ended(self._head, self._reason, self._items, self._usage)
        return out + self._event(f"response.{whole['status']}", {"response": whole})

    def _begin(self, chunk: JSON) -> bytes:
        self._head = {name: chunk.get(name) for name in ("id", "created", "model")}
        begun = {"response": response(self._head)}
        return self._event("response.created", begun) + self._event("response.in_progress", begun)

    def _call(self, call: JSON) -> bytes:
        def make(name: str, text: str, status: str) -> JSON:
            return function_call(name, call, text, status)

        text = (call.get("function") or {}).get("arguments") or ""
        return self._fill(call.get("index", 0), _Kind("function_call_arguments", make), text)

    def _fill(self, key: object, kind: _Kind, text: str) -> bytes:
        out, item = b"", self._open
        if item is None or item.key != key:
            out = self._close()
            item = self._open = _Item(key, kind, f"{self._head['id']}_{len(self._items)}")
            out += self._of_item("response.output_item.added", {"item": item.whole("in_progress")})
            if kind.part:
                out += self._of_item("response.content_part.added", item.place() | {"part": kind.part("")})
        if not text:
            return out
        item.text += text
        return out + self._of_item(f"response.{kind.word}.delta", item.place() | {"delta": text} | _logprobs(kind))

    def _close(self) -> bytes:
        item = self._open
        if item is None:
            return b""
        kind, done = item.kind, item.whole("completed")
        told = {"text": item.text} if kind.part else {"arguments": item.text, "name": done["name"]}
        out = self._of_item(f"response.{kind.word}.done", item.place() | told | _logprobs(kind))
        if kind.part:
            out += self._of_item("response.content_part.done", item.place() | {"part": kind.part(item.text)})
        out += self._of_item("response.output_item.done", {"item": done})
        self._items.append(done)
        self._open = None
        return out

    def _of_item(self, kind: str, fields: JSON) -> bytes:
        return self._event(kind, {"output_index": len(self._items)} | fields)

    def _event(self, kind: str, fields: JSON) -> bytes:
        data = json.dumps({"type": kind, "sequence_number": self._number} | fields)
        self._number += 1
        return f"event: {kind}\ndata: {data}\n\n".encode()


def _logprobs(kind: _Kind) -> JSON:
    return {"logprobs": []} if kind is _TEXT else {}
