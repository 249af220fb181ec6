"""Tokens of an answer, as the engine counted them: read from whole answers and from the last event of streams."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = b'"usage":{'
"""Only an event or answer with counts holds it: in a text the quotes are escaped."""
_ANSWER = re.compile(rb'"content":"[^"]|"text":"[^"]|"tool_calls":\[\{')
"""A piece of an answer; a thought goes by ``reasoning_content``."""
_FINISHED = re.compile(rb'"finish_reason":"')
_NO_CHOICES = re.compile(rb'"choices":\[\]')
_EVENT_END = b"\n\n"


@dataclass(frozen=True)
class Usage:
    """Counts of one request; all its choices together."""

    prompt: int
    thinking: int
    """Tags around thoughts included."""
    answer: int


def begins_answer(chunk: bytes) -> bool:
    """Whether there is a token of the answer in these events."""
    return _ANSWER.search(chunk) is not None


def usage_of(body: bytes) -> Usage | None:
    """Counts in a whole answer; None where it has none."""
    return _read(body) if _MARK in body else None


def take_usage(events: bytes, *, hide: bool) -> tuple[bytes, Usage | None]:
    """The events of a piece of a stream, and the counts among them.

    Args:
        events: Whole events.
        hide: Leave out the event that has nothing but counts: its client did not ask for it.
    """
    if _MARK not in events:
        return events, None
    kept, usage = [], None
    for event in events.split(_EVENT_END):
        found = _read(event.removeprefix(b"data: ")) if _MARK in event else None
        usage = found or usage
        if not (hide and found and _NO_CHOICES.search(event)):
            kept.append(event)
    return _EVENT_END.join(kept), usage


def ends_choice(events: bytes) -> bool:
    """Whether an event says why the model stopped: nothing of that choice comes after it."""
    return _FINISHED.search(events) is not None


def asks_for_usage(request: Mapping[str, Any]) -> bool:
    """Whether the client of a stream wants the counts."""
    options = request.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _read(text: bytes) -> Usage | None:
    """Counts of an answer, of an event that has no choices beside them, or of one that ends them."""
    with suppress(ValueError, TypeError, AttributeError, KeyError):
        answer = json.loads(text)
        unfinished = any(not choice.get("finish_reason") for choice in answer.get("choices") or ())
        if answer.get("object", "").endswith("chunk") and unfinished:
            return None
        counts = answer["usage"]
        total = int(counts.get("completion_tokens") or 0)
        # Older engines count it beside the details of OpenAI's form.
        details = counts.get("completion_tokens_details") or counts
        thinking = min(int(details.get("reasoning_tokens") or 0), total)
        return Usage(int(counts.get("prompt_tokens") or 0), thinking, total - thinking)
    return None
