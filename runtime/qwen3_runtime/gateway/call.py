"""What the gateway must know of a request's body, and what it must change in it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen3_runtime.gateway.prefixes import NO_PROMPT, Prompt, read_prompt
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.media import inside_media
from qwen3_runtime.server.strict_json import read_json
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEDIUM_BYTES = 4096
"""What an image or a recording counts at most: its bytes say little of its tokens. At 4 bytes a token that is an image
of one megapixel, of which Qwen3-VL makes a token for each square of 32 pixels."""
_OUTPUT_FIELDS = ("max_completion_tokens", "max_tokens")
"""In the order in which the engine reads them (SGLang 0.5.23, ``openai/protocol.py``)."""
_MOST_TOKENS = 2**31 - 1
"""More is as good as this: counters and what shows them stay within the numbers that Lua, JSON and Prometheus have."""


@dataclass(frozen=True)
class Call:
    """One request to a model."""

    model: str
    body: bytes
    """To forward; as it came unless usage had to be asked for."""
    stream: bool
    text_bytes: int
    """Of the body with little for attached media: what the prompt's tokens are estimated from."""
    max_output_tokens: int | None
    """Of all choices together; None where the request does not say."""
    hide_usage: bool
    """The client did not ask for the usage event of its stream."""
    prompt: Prompt = NO_PROMPT
    """By which a replica that has read its beginning is found."""


def read_object(body: bytes, *, name: str = "model") -> dict[str, Any]:
    """A body that names a model, in the field ``name`` where it leaves ``model`` empty.

    Raises:
        InterruptedRequestError: it is no JSON object, or names none.
    """
    try:
        request = read_json(body)
    except (ValueError, RecursionError) as error:
        raise _invalid("invalid_json", f"The request body is no JSON: {error}.") from None
    if not isinstance(request, dict):
        raise _invalid("invalid_json", "The request body is no JSON object.")
    model = request.get("model") or request.get(name)
    if not isinstance(model, str) or not model:
        raise _invalid("missing_model", "The request names no model.", "model")
    request["model"] = model
    return request


def read_call(body: bytes, *, usage_option: bool) -> Call:
    """The call in a body. Everything not looked at here is the engine's to judge.

    Args:
        body: As the replica is to get it.
        usage_option: Whether a stream tells its usage only where the request asks for it.

    Raises:
        InterruptedRequestError: it is no call.
    """
    request = read_object(body)
    stream = request.get("stream") is True
    hide_usage = stream and usage_option and not _asks_for_usage(request)
    return Call(
        model=request["model"],
        body=_ask_for_usage(request, body) if hide_usage else body,
        stream=stream,
        text_bytes=len(body) - _media_surplus(request),
        max_output_tokens=_max_output_tokens(request),
        hide_usage=hide_usage,
        prompt=read_prompt(request),
    )


def _media_surplus(request: Mapping[str, Any]) -> int:
    """Bytes of media above what they count. What only looks like a medium, in a text, counts as the text it is."""
    return sum(max(0, len(medium) - _MEDIUM_BYTES) for medium in inside_media(request))


def _asks_for_usage(request: Mapping[str, Any]) -> bool:
    options = request.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _ask_for_usage(request: dict[str, Any], body: bytes) -> bytes:
    options = request.get("stream_options")
    if options is None and "stream_options" not in request:
        # The rest stays as it came.
        return body.rstrip()[:-1] + b',"stream_options":{"include_usage":true}}'
    wanted = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return json.dumps(request | {"stream_options": wanted}).encode()


def _max_output_tokens(request: Mapping[str, Any]) -> int | None:
    choices = request.get("n")
    for name in _OUTPUT_FIELDS:
        value = request.get(name)
        if isinstance(value, int) and value >= 0:
            all_choices = value * (choices if isinstance(choices, int) and choices > 1 else 1)
            return min(all_choices, _MOST_TOKENS)
    return None


def _invalid(code: str, message: str, param: str | None = None) -> InterruptedRequestError:
    return InterruptedRequestError(ErrorAnswer(400, code, message, param=param))
