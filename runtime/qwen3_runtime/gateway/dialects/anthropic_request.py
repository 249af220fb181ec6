"""Anthropic's Messages API to the chat API. Pure.

Fields after platform.claude.com/docs/en/api/messages; what changes nothing here (``metadata`` but for its user,
``cache_control``, ``context_management``, ``service_tier``, ``output_config.effort``) is not looked at.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.dialects.dialect import JSON, UntranslatableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qwen3_runtime.tenancy import Route

_REFUSED = ("container", "mcp_servers")
"""They promise work that only Anthropic's own servers do."""
_SAME = ("max_tokens", "temperature", "top_p", "top_k", "stream")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def chat_request(request: JSON, route: Route) -> JSON:
    """The request for /v1/chat/completions."""
    for name in _REFUSED:
        if request.get(name) is not None:
            raise UntranslatableError(f"`{name}` is not offered here.")
    messages = [*_system(request.get("system")), *_messages(request["messages"])]
    chat: JSON = {name: request.get(name) for name in _SAME}
    chat |= {"messages": messages, "stop": request.get("stop_sequences") or None}
    chat["user"] = (request.get("metadata") or {}).get("user_id")
    if messages[-1]["role"] == "assistant":
        chat["continue_final_message"] = True
    if request.get("tools"):
        chat["tools"] = [_tool(tool) for tool in request["tools"]]
        chat |= _tool_choice(request.get("tool_choice") or {"type": "auto"})
    return chat | _thinking(request.get("thinking"), route) | _format(request.get("output_config") or {})


def _system(system: str | list[JSON] | None) -> list[JSON]:
    text = system if isinstance(system, str) else "\n".join(block["text"] for block in system or ())
    return [{"role": "system", "content": text}] if text else []


def _messages(messages: Iterable[JSON]) -> Iterator[JSON]:
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            yield {"role": message["role"], "content": content}
        elif message["role"] == "assistant":
            yield _assistant(content)
        else:
            yield from _user(message["role"], content)


def _assistant(blocks: Iterable[JSON]) -> JSON:
    """What the model said: its thought, its text and its calls."""
    thought, text, calls = "", "", []
    for block in blocks:
        match block["type"]:
            case "thinking":
                thought += block["thinking"]
            case "text":
                text += block["text"]
            case "tool_use":
                function = {"name": block["name"], "arguments": json.dumps(block["input"])}
                calls.append({"id": block["id"], "type": "function", "function": function})
            case other:
                raise UntranslatableError(f"Content of type `{other}` is not offered here.")
    message: JSON = {"role": "assistant", "content": text}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    return message


def _user(role: str, blocks: Iterable[JSON]) -> Iterator[JSON]:
    """Results of tools are messages of their own, before what the user says."""
    parts: list[JSON] = []
    for block in blocks:
        if block["type"] == "tool_result":
            yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": _result(block.get("content"))}
        else:
            parts.append(_part(block))
    if parts:
        texts = [part["text"] for part in parts if part["type"] == "text"]
        yield {"role": role, "content": "\n".join(texts) if len(texts) == len(parts) else parts}


def _result(content: str | list[JSON] | None) -> Any:
    if content is None or isinstance(content, str):
        return content or ""
    parts = [_part(block) for block in content]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    return "\n".join(texts) if len(texts) == len(parts) else parts


def _part(block: JSON) -> JSON:
    source = block.get("source") or {}
    match block["type"], source.get("type"):
        case "text", _:
            return {"type": "text", "text": block["text"]}
        case "document", "text":
            return {"type": "text", "text": source["data"]}
        case "image", "base64":
            return _image(f"data:{source['media_type']};base64,{source['data']}")
        case "image", "url":
            return _image(source["url"])
        case kind, place:
            of = f" with a source of type `{place}`" if place else ""
            raise UntranslatableError(f"Content of type `{kind}`{of} is not offered here.")


def _image(url: str) -> JSON:
    return {"type": "image_url", "image_url": {"url": url}}


def _tool(tool: JSON) -> JSON:
    kind = tool.get("type") or "custom"
    if kind != "custom":
        raise UntranslatableError(f"The tool `{kind}` runs at Anthropic; here are only tools that the client runs.")
    function = {"name": tool["name"], "description": tool.get("description", ""), "parameters": tool["input_schema"]}
    return {"type": "function", "function": function}


def _tool_choice(choice: JSON) -> JSON:
    named = {"type": "function", "function": {"name": choice.get("name")}}
    found: JSON = {"tool_choice": named if choice["type"] == "tool" else _CHOICES[choice["type"]]}
    if choice.get("disable_parallel_tool_use"):
        found["parallel_tool_calls"] = False
    return found


def _thinking(thinking: JSON | None, route: Route) -> JSON:
    """A budget where the deployment takes budgets: Anthropic's clients cannot ask for a thought without one."""
    kind = thinking["type"] if thinking else None
    if thinking is None or kind not in {"enabled", "disabled"}:
        return {}
    chat: JSON = {"enable_thinking": kind == "enabled"}
    if kind == "enabled" and route.max_thinking_tokens is not None:
        chat["thinking_budget"] = thinking["budget_tokens"]
    return chat


def _format(output: JSON) -> JSON:
    wanted = output.get("format")
    if not wanted:
        return {}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted["schema"]}}}
