"""OpenAI's Responses API to the chat API. Pure.

Fields after platform.openai.com/docs/api-reference/responses; what changes nothing here (``metadata``,
``service_tier``, ``text.verbosity``, ``reasoning.summary``, ``include`` of encrypted thoughts, ``prompt_cache_key``) is
not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.dialects.dialect import JSON, UntranslatableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STATELESS = "replicas keep nothing between requests: send the whole conversation as `input`"
_REFUSED: Mapping[str, str] = {
    "previous_response_id": _STATELESS,
    "conversation": _STATELESS,
    "store": _STATELESS,
    "background": _STATELESS,
    "prompt": "templates of prompts lie at OpenAI",
    "max_tool_calls": "it counts calls of tools that run at OpenAI",
    "top_logprobs": "only /v1/chat/completions tells probabilities",
}
"""Fields that no replica can carry out, and why; what stands for their absence is harmless."""
_SAME = ("temperature", "top_p", "stream", "user", "parallel_tool_calls")
_THINKING = ("enable_thinking", "thinking_budget", "chat_template_kwargs")
"""Of the chat API here (docs/thinking.md)."""
_ROLES = {"developer": "system"}
_LOGPROBS = "message.output_text.logprobs"


def chat_request(request: JSON) -> JSON:
    """The request for /v1/chat/completions."""
    for name, reason in _REFUSED.items():
        if request.get(name):
            raise UntranslatableError(f"`{name}` is not offered here: {reason}.")
    if request.get("truncation") == "auto" or _LOGPROBS in (request.get("include") or ()):
        raise UntranslatableError("`truncation: auto` and `include` of probabilities are not offered here.")
    chat: JSON = {name: request.get(name) for name in (*_SAME, *_THINKING)}
    chat |= {"messages": _messages(request), "max_tokens": request.get("max_output_tokens")}
    chat["reasoning_effort"] = (request.get("reasoning") or {}).get("effort")
    chat["response_format"] = _format((request.get("text") or {}).get("format") or {"type": "text"})
    if request.get("tools"):
        chat["tools"] = [_tool(tool) for tool in request["tools"]]
        chat["tool_choice"] = _tool_choice(request.get("tool_choice") or "auto")
    return chat


def _messages(request: JSON) -> list[JSON]:
    given = request["input"]
    items: list[JSON] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    first = request.get("instructions")
    messages: list[JSON] = [{"role": "system", "content": first}] if first else []
    for item in items:
        _add(messages, item)
    return _one_system(messages)


def _add(messages: list[JSON], item: JSON) -> None:
    match item.get("type", "message"):
        case "message" if item["role"] == "assistant":
            turn = _turn(messages)
            turn["content"] += _text(item["content"])
        case "message":
            role = item["role"]
            messages.append({"role": _ROLES.get(role, role), "content": _content(item["content"])})
        case "reasoning":
            turn = _turn(messages)
            parts = item.get("content") or ()
            turn["reasoning_content"] = turn.get("reasoning_content", "") + _text(parts)
        case "function_call":
            function = {"name": item["name"], "arguments": item["arguments"]}
            call = {"id": item["call_id"], "type": "function", "function": function}
            _turn(messages).setdefault("tool_calls", []).append(call)
        case "function_call_output":
            messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": _content(item["output"])})
        case "item_reference":
            raise UntranslatableError(f"`item_reference` is not offered here: {_STATELESS}.")
        case kind:
            raise UntranslatableError(f"Input of type `{kind}` is not offered here.")


def _turn(messages: list[JSON]) -> JSON:
    """What the model said last, of which thought, text and calls come as items of their own."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": ""})
    return messages[-1]


def _one_system(messages: list[JSON]) -> list[JSON]:
    """Chat templates take one system message: what stands at the beginning becomes one."""
    texts = []
    for message in messages:
        if message["role"] != "system":
            break
        texts.append(_text(message["content"]))
    head = [{"role": "system", "content": "\n\n".join(texts)}] if texts else []
    return head + messages[len(texts) :]


def _content(content: str | list[JSON]) -> Any:
    if isinstance(content, str):
        return content
    parts = [_part(part) for part in content]
    return _text(parts) if all(part["type"] == "text" for part in parts) else parts


def _part(part: JSON) -> JSON:
    match part["type"]:
        case "input_text" | "output_text" | "text":
            return {"type": "text", "text": part["text"]}
        case "input_image" if part.get("image_url"):
            return {"type": "image_url", "image_url": {"url": part["image_url"]}}
        case kind:
            raise UntranslatableError(f"Content of type `{kind}` is not offered here.")


def _text(content: str | Iterable[JSON]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["refusal"] if part["type"] == "refusal" else part["text"] for part in content)


def _tool(tool: JSON) -> JSON:
    if tool["type"] != "function":
        raise UntranslatableError(
            f"The tool `{tool['type']}` runs at OpenAI; here are only functions that the client runs."
        )
    names = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}}


def _tool_choice(choice: str | JSON) -> Any:
    if isinstance(choice, str):
        return choice
    if choice["type"] != "function":
        raise UntranslatableError(f"`tool_choice` of type `{choice['type']}` is not offered here.")
    return {"type": "function", "function": {"name": choice["name"]}}


def _format(wanted: JSON) -> JSON | None:
    match wanted["type"]:
        case "text":
            return None
        case "json_schema":
            names = ("name", "schema", "strict")
            schema = {name: wanted[name] for name in names if wanted.get(name) is not None}
            return {"type": "json_schema", "json_schema": schema}
        case kind:
            return {"type": kind}
