"""Is the body of a request fit for the engine? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_runtime.server.errors import ErrorAnswer, invalid, model_not_found
from qwen3_runtime.server.media import outside_media
from qwen3_runtime.server.refused import REFUSED_FIELDS, REFUSED_TEMPLATE_FIELDS
from qwen3_runtime.server.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of a request body; the longest prompts of a 1M context are about 5 MB of text."""

BODY_SECONDS = 60.0
"""For a whole body to arrive: half a megabyte a second for the longest. Until then it holds a place in a drain."""

TOO_SLOW = ErrorAnswer(408, "request_timeout", f"The request body did not arrive within {BODY_SECONDS:g} s.")
TOO_LARGE = ErrorAnswer(413, "request_too_large", f"The request body is longer than {BODY_LIMIT} bytes.")


def read_request(body: bytes, names: tuple[str, ...]) -> dict[str, Any] | ErrorAnswer:
    """The request in ``body`` to one of ``names``, or why it is refused.

    Everything not looked at here is the engine's to judge.
    """
    try:
        request = read_json(body)
    except (ValueError, RecursionError) as error:
        return invalid("invalid_json", f"The request body is no JSON: {error}.")
    if not isinstance(request, dict):
        return invalid("invalid_json", "The request body is no JSON object.")
    model = request.get("model")
    if not isinstance(model, str) or not model:
        return invalid("missing_model", "The request names no model.", "model")
    if model not in names:
        return model_not_found(model, names)
    return _check_fields(request) or request


def check_messages(request: Mapping[str, Any]) -> ErrorAnswer | None:
    """Why these cannot be the messages of a chat: some engines fail over them instead of refusing."""
    messages = request.get("messages")
    if isinstance(messages, list) and messages and all(isinstance(message, dict) for message in messages):
        return None
    return invalid("invalid_messages", "`messages` must be a list of at least one object.", "messages")


def _check_fields(request: Mapping[str, Any]) -> ErrorAnswer | None:
    for name, reason in REFUSED_FIELDS.items():
        value = request.get(name)
        # Spelled-out defaults are harmless; 0 is not one, it is a rank.
        if value is not None and value is not False:
            return _refused(name, reason)
    if (odd := _odd_switch(request)) is not None:
        return invalid("invalid_value", f"`{odd}` must be true or false.", odd)
    template = request.get("chat_template_kwargs")
    if isinstance(template, dict):
        for name, reason in REFUSED_TEMPLATE_FIELDS.items():
            if name in template:
                return _refused(f"chat_template_kwargs.{name}", reason)
    if (medium := outside_media(request)) is not None:
        message = f"`{medium}` must carry its data itself (data:...;base64,...): this server opens no addresses."
        return invalid("unsupported_parameter", message, medium)
    return None


def _odd_switch(request: Mapping[str, Any]) -> str | None:
    """A switch that is no switch: engines read "false" or 1 their own way, and their stream comes without counts."""
    options = request.get("stream_options")
    inner = options.get("include_usage") if isinstance(options, dict) else None
    switches = (("stream", request.get("stream")), ("stream_options.include_usage", inner))
    return next((name for name, value in switches if not isinstance(value, bool | None)), None)


def _refused(name: str, reason: str) -> ErrorAnswer:
    return invalid("unsupported_parameter", f"`{name}` is not available on this server: {reason}.", name)
