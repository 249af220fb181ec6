"""Errors in OpenAI's form, as an answer and as an event of a stream."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class ErrorAnswer:
    """One refusal or failure: ``{"error": {"message", "type", "param", "code"}}``."""

    status: int
    code: str
    """Stable word for programs."""
    message: str
    """One sentence for people."""
    param: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    def body(self) -> bytes:
        """JSON of the answer."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"  # noqa: PLR2004 - HTTP's classes
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return json.dumps({"error": error}).encode()

    def event(self) -> bytes:
        """The same as a server-sent event; no ``[DONE]`` follows, so that no client takes it for an end."""
        return b"data: " + self.body() + b"\n\n"


RETRY_AFTER = ((b"retry-after", b"5"),)
"""Seconds; by then a Service has another endpoint or a starting pod is a step further."""

ENGINE_FAILED = ErrorAnswer(502, "engine_failed", "The engine failed while it worked on this request.")
CLIENT_GONE = ErrorAnswer(499, "client_gone", "The client closed the connection.")
"""Never sent; 499 is what nginx logs for it."""

ADAPTER_CHANGING = "adapter_changing"
"""Code by which the gateway knows that the pod is well."""
MODEL_NOT_FOUND = "model_not_found"
"""Code by which the gateway knows that the pod lacks an adapter."""


def invalid(code: str, message: str, param: str | None = None) -> ErrorAnswer:
    """400 for a request that would be wrong everywhere or cannot be met here."""
    return ErrorAnswer(400, code, message, param=param)


def model_not_found(asked: str, served: Iterable[str]) -> ErrorAnswer:
    """404 for a model that this pod does not serve."""
    names = ", ".join(f"`{name}`" for name in served)
    message = f"The model `{asked}` does not exist. This server serves {names}."
    return ErrorAnswer(404, MODEL_NOT_FOUND, message, param="model")


def wrong_method(method: str, path: str, allowed: str) -> ErrorAnswer:
    """405 for a path that takes another method."""
    headers = ((b"allow", allowed.encode()),)
    return ErrorAnswer(405, "method_not_allowed", f"{path} does not take {method}.", headers=headers)


def not_ready(phase: str) -> ErrorAnswer:
    """503 while the pod starts or after its engine died."""
    return ErrorAnswer(503, "not_ready", f"The server is not ready (phase {phase}).", headers=RETRY_AFTER)


def adapter_changing(name: str) -> ErrorAnswer:
    """503 while a LoRA adapter takes the place of another one of the same name."""
    message = f"The adapter `{name}` is being replaced by its next version."
    return ErrorAnswer(503, ADAPTER_CHANGING, message, param="model", headers=RETRY_AFTER)


def shutting_down() -> ErrorAnswer:
    """503 for a new request while running ones finish."""
    headers = (*RETRY_AFTER, (b"connection", b"close"))
    return ErrorAnswer(503, "shutting_down", "The server is shutting down (phase Draining).", headers=headers)


def cut(drain_seconds: float) -> ErrorAnswer:
    """503 for a request that still runs when the drain limit is reached."""
    message = f"The server shut down; this request did not finish within the {drain_seconds:g} s it was given."
    return ErrorAnswer(503, "shutting_down", message)
