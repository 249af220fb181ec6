"""Tokens of one request, as the engine counts them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_MARK = b'"usage":'
"""Never inside a string of JSON: its quotes would be escaped."""
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Usage:
    """Tokens of one request. ``cached`` is a part of ``prompt``."""

    prompt: int = 0
    cached: int = 0
    thinking: int = 0
    answer: int = 0

    @property
    def output(self) -> int:
        """Generated tokens."""
        return self.thinking + self.answer


def find_usage(body: bytes) -> Usage | None:
    """Usage in an answer or an event; None where it has none. Reads only the object, not the megabytes around it."""
    at = len(body)
    while (at := body.rfind(_MARK, 0, at)) >= 0:
        text = body[at + len(_MARK) :].lstrip().decode(errors="replace")
        if text.startswith("{"):
            try:
                return read_usage(_DECODER.raw_decode(text)[0])
            except ValueError:
                return None
    return None


def read_usage(usage: dict[str, Any]) -> Usage:
    """Usage in OpenAI's words: of chat, completions and embeddings."""
    prompt = _number(usage, "prompt_tokens")
    output = _number(usage, "completion_tokens")
    inputs = _details(usage, "prompt_tokens_details")
    outputs = _details(usage, "completion_tokens_details")
    thinking = min(output, _number(outputs, "reasoning_tokens") or _number(usage, "reasoning_tokens"))
    cached = min(prompt, _number(inputs, "cached_tokens"))
    return Usage(prompt=prompt, cached=cached, thinking=thinking, answer=output - thinking)


def rerank_usage(body: bytes) -> Usage | None:
    """Usage of SGLang's rerank answer, a list whose entries each tell their prompt's tokens."""
    try:
        entries = json.loads(body)
        return Usage(prompt=sum(_number(_details(entry, "meta_info"), "prompt_tokens") for entry in entries))
    except (ValueError, AttributeError, TypeError):
        return None


def _number(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    value = usage.get(name)
    return value if isinstance(value, dict) else {}
