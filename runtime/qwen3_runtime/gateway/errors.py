"""What the gateway answers instead of a model, in OpenAI's words."""

from __future__ import annotations

from qwen3_runtime.server.checks import BODY_LIMIT
from qwen3_runtime.server.errors import MODEL_NOT_FOUND, RETRY_AFTER, ErrorAnswer

AUTHENTICATE = ((b"www-authenticate", b"Bearer"),)

NO_KEY = ErrorAnswer(
    401,
    "invalid_api_key",
    "There is no API key in the request, or more than one. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
    headers=AUTHENTICATE,
)
WRONG_KEY = ErrorAnswer(401, "invalid_api_key", "The API key is not valid.", headers=AUTHENTICATE)
TOO_LARGE = ErrorAnswer(413, "request_too_large", f"The request body is longer than {BODY_LIMIT} bytes.")
TOO_SLOW = ErrorAnswer(408, "request_timeout", "The request body did not come in time.")
REPLICAS_FAILED = ErrorAnswer(502, "engine_failed", "The model failed while it worked on this request.")
UNREACHED = ErrorAnswer(
    503, "unreachable", "No replica of the model accepted a connection in time.", headers=RETRY_AFTER
)

BODIES_OF_ALL = ErrorAnswer(
    503,
    "overloaded",
    "The bodies of all requests under way take as much memory as they may.",
    headers=((b"retry-after", b"1"),),
)


def bodies_of_tenant(share: int) -> ErrorAnswer:
    """429: this tenant's requests under way hold what one tenant's may."""
    message = f"The bodies of your requests under way would take more than {share} bytes. Wait until some have ended."
    return ErrorAnswer(429, "rate_limit_exceeded", message, headers=retry_after(1))


def unknown_path(path: str) -> ErrorAnswer:
    """404 for what is not in `operations`."""
    return ErrorAnswer(404, "unknown_path", f"There is no {path} on this server.")


def model_not_found(model: str) -> ErrorAnswer:
    """404; the same for a model that is another tenant's as for one that nobody has."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ErrorAnswer(404, MODEL_NOT_FOUND, message, param="model")


def adapter_busy(name: str) -> ErrorAnswer:
    """503 while not every replica has an adapter."""
    message = f"Only some replicas of the model have its adapter `{name}`, and they are busy."
    return ErrorAnswer(503, "overloaded", message, headers=retry_after(1))


def wrong_task(model: str, path: str) -> ErrorAnswer:
    """400 for a model of the tenant that does something else."""
    return ErrorAnswer(400, "unsupported_operation", f"The model `{model}` does not answer {path}.", param="model")


def retry_after(seconds: float) -> tuple[tuple[bytes, bytes], ...]:
    """The header, in whole seconds, at least one."""
    return ((b"retry-after", b"%d" % max(1, -int(-seconds // 1))),)


def no_replica(model: str, seconds: float) -> ErrorAnswer:
    """503 while no replica of a model is ready."""
    message = f"No replica of the model `{model}` is ready."
    return ErrorAnswer(503, "model_not_ready", message, headers=retry_after(seconds))


def queue_full(model: str, seconds: float) -> ErrorAnswer:
    """503: too many requests wait already."""
    message = f"Too many requests wait for the model `{model}`."
    return ErrorAnswer(503, "overloaded", message, headers=retry_after(seconds))


def waited_too_long(model: str, waited: float, seconds: float) -> ErrorAnswer:
    """503: the stated bound of waiting is reached."""
    message = f"The model `{model}` is busy: the request waited {waited:g} s, which is as long as any may."
    return ErrorAnswer(503, "overloaded", message, headers=retry_after(seconds))


def asleep(model: str, seconds: float) -> ErrorAnswer:
    """503 while a model wakes for longer than a request may be held."""
    message = f"The model `{model}` is starting, which takes about {seconds:.0f} s."
    return ErrorAnswer(503, "model_starting", message, headers=retry_after(seconds))
