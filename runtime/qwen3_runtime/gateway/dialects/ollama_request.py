"""Ollama's chat and generate to the chat API. Pure.

Fields after github.com/ollama/ollama/blob/main/docs/api.md. ``keep_alive`` and the options that choose a runner's
memory and threads (``num_ctx``, ``num_gpu``, ...) are the deployment's business and not looked at.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.dialects.dialect import JSON, UntranslatableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "stop": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "repeat_penalty": "repetition_penalty",
}
"""Option and field."""
_NOT_OFFERED = ("raw", "template", "context", "suffix")
"""Of generate: prompts that were put into the model's form elsewhere."""


def from_chat(request: JSON) -> JSON:
    """Of ``/api/chat``."""
    return _common(request) | {"messages": list(_messages(request["messages"])), "tools": request.get("tools") or None}


def from_generate(request: JSON) -> JSON:
    """Of ``/api/generate``."""
    for name in _NOT_OFFERED:
        if request.get(name):
            raise UntranslatableError(f"`{name}` is not offered here; use /api/chat for a conversation.")
    system = [{"role": "system", "content": request["system"]}] if request.get("system") else []
    user = {"role": "user", "content": _content(request["prompt"], request.get("images"))}
    return _common(request) | {"messages": [*system, user]}


def _common(request: JSON) -> JSON:
    options = request.get("options") or {}
    chat: JSON = {field: options.get(option) for option, field in _OPTIONS.items()}
    if (most := options.get("num_predict")) is not None and most >= 0:
        chat["max_tokens"] = most
    # Ollama streams unless it is told not to.
    chat["stream"] = request.get("stream") is not False
    return chat | _thinking(request.get("think")) | _format(request.get("format"))


def _thinking(think: bool | str | None) -> JSON:  # noqa: FBT001 - a field of the API
    """Levels are OpenAI's efforts."""
    if think is None:
        return {}
    return {"reasoning_effort": think} if isinstance(think, str) else {"enable_thinking": think}


def _format(wanted: str | JSON | None) -> JSON:
    if not wanted:
        return {}
    if wanted == "json":
        return {"response_format": {"type": "json_object"}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}}


def _messages(messages: Iterable[JSON]) -> Iterator[JSON]:
    """Ollama's calls have no ids: results belong to calls by their order."""
    made = answered = 0
    for message in messages:
        found: JSON = {"role": message["role"], "content": _content(message.get("content"), message.get("images"))}
        if message.get("thinking"):
            found["reasoning_content"] = message["thinking"]
        if calls := message.get("tool_calls"):
            found["tool_calls"] = [_call(made + number, call["function"]) for number, call in enumerate(calls)]
            made += len(calls)
        if message["role"] == "tool":
            found["tool_call_id"] = f"call_{answered}"
            answered += 1
        yield found


def _call(number: int, function: JSON) -> JSON:
    named = {"name": function["name"], "arguments": json.dumps(function.get("arguments") or {})}
    return {"id": f"call_{number}", "type": "function", "function": named}


def _content(text: str | None, images: list[str] | None) -> Any:
    if not images:
        return text or ""
    parts: list[JSON] = [{"type": "image_url", "image_url": {"url": f"data:image;base64,{image}"}} for image in images]
    return [*parts, {"type": "text", "text": text or ""}]
