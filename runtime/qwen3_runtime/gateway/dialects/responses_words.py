"""What whole answers and streams of the Responses API have in common. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.gateway.dialects.dialect import JSON

_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Reasons for which an answer is not complete."""


def response(chat: Mapping[str, Any], status: str = "in_progress") -> JSON:
    """A response without output, named after the completion or chunk. The request's own fields are not repeated."""
    return {
        "id": f"resp_{chat.get('id', '')}",
        "object": "response",
        "created_at": chat.get("created") or 0,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": chat.get("model"),
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def ended(chat: Mapping[str, Any], reason: str | None, output: Sequence[JSON], usage: JSON) -> JSON:
    """A response at its end; ``reason`` is the chat API's."""
    cut = _CUT.get(reason or "")
    return response(chat, "incomplete" if cut else "completed") | {
        "incomplete_details": {"reason": cut} if cut else None,
        "output": list(output),
        "usage": counts(usage),
    }


def counts(usage: JSON) -> JSON:
    """Tokens."""
    found = read_usage(usage)
    return {
        "input_tokens": found.prompt,
        "input_tokens_details": {"cached_tokens": found.cached, "cache_write_tokens": 0},
        "output_tokens": found.output,
        "output_tokens_details": {"reasoning_tokens": found.thinking},
        "total_tokens": found.prompt + found.output,
    }


def reasoning(name: str, text: str, status: str = "completed") -> JSON:
    """A thought. It is told as it is: nobody summarizes or encrypts it."""
    content = [thought_part(text)] if text else []
    return {"id": f"rs_{name}", "type": "reasoning", "summary": [], "content": content, "status": status}


def thought_part(text: str) -> JSON:
    """The content of a thought."""
    return {"type": "reasoning_text", "text": text}


def message(name: str, text: str, status: str = "completed") -> JSON:
    """What the model says."""
    content = [text_part(text)] if text else []
    return {"id": f"msg_{name}", "type": "message", "role": "assistant", "status": status, "content": content}


def text_part(text: str) -> JSON:
    """The content of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def function_call(name: str, call: JSON, arguments: str, status: str = "completed") -> JSON:
    """A call of a tool that the client runs."""
    return {
        "id": f"fc_{name}",
        "type": "function_call",
        "call_id": call.get("id"),
        "name": (call.get("function") or {}).get("name"),
        "arguments": arguments,
        "status": status,
    }
