"""What whole messages and streams of Anthropic's API have in common. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def blank_message(chat: Mapping[str, Any]) -> dict[str, Any]:
    """A message without content, named after the completion or chunk."""
    return {
        "id": f"msg_{chat.get('id', '')}",
        "type": "message",
        "role": "assistant",
        "model": chat.get("model"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def stop(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Why the answer ended. SGLang says with ``matched_stop`` which sequence it was."""
    matched = choice.get("matched_stop")
    if choice.get("finish_reason") == "stop" and isinstance(matched, str):
        return {"stop_reason": "stop_sequence", "stop_sequence": matched}
    return {"stop_reason": _REASONS.get(choice.get("finish_reason") or "", "end_turn"), "stop_sequence": None}


def counts(usage: dict[str, Any]) -> dict[str, int]:
    """Tokens; Anthropic counts what came from the cache apart."""
    found = read_usage(usage)
    return {
        "input_tokens": found.prompt - found.cached,
        "cache_read_input_tokens": found.cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": found.output,
    }


def event(kind: str, fields: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | dict(fields))}\n\n".encode()
