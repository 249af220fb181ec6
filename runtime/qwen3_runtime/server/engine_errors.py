"""What an engine says of a request that it refuses, in OpenAI's form. Pure.

Engines have forms of their own (SGLang's ``{"object": "error", "message"}``, FastAPI's ``{"detail"}``, plain text),
which OpenAI's clients cannot read, and tell the places of their sources.
"""

from __future__ import annotations

import ast
import http.client
import json
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from qwen3_runtime.server.errors import ErrorAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.server.asgi import Header

_LONGEST = 2000
"""Characters of a message: some repeat the request."""
_READ = 20_000
"""Characters that are read of it: megabytes would hold up every other request."""
_MOST = 20
"""Problems of a list, likewise."""
_PLACE = '  File "'
"""Of a traceback, or of an endpoint as FastAPI tells it after the errors; nothing for a client comes behind it."""
_TRACEBACK = "Traceback (most recent call last):"
_JSON: Header = (b"content-type", b"application/json")


def in_openai_form(status: int, headers: Iterable[Header], body: bytes) -> tuple[list[Header], bytes]:
    """Headers and body of an engine's error.

    Args:
        status: 400 or more.
        headers: of its answer.
        body: of its answer.
    """
    error = _error(body)
    message = _message(error)[:_LONGEST] or http.client.responses.get(status, "The engine gives no reason.")
    param, code = (value if isinstance(value := error.get(name), str) else None for name in ("param", "code"))
    usual = "engine_refused" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "engine_error"
    made = ErrorAnswer(status, code or usual, message, param=param)
    return [header for header in headers if header[0].lower() != b"content-type"] + [_JSON], made.body()


def _error(body: bytes) -> dict[str, Any]:
    """The fields of the error, wherever the engine puts them."""
    text = body.decode(errors="replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {"message": text}
    if not isinstance(said, dict):
        return {"message": text}
    inner = said.get("error", said)
    return inner if isinstance(inner, dict) else {"message": inner}


def _message(error: dict[str, Any]) -> str:
    said = error.get("message") or error.get("detail") or ""
    if isinstance(said, list):
        return "; ".join(map(_problem, said[:_MOST]))
    text = str(said)[:_READ].partition(_PLACE)[0].strip().removesuffix(_TRACEBACK).strip()
    problems = [problem for line in text.splitlines() if (problem := _dictionary(line))]
    return "; ".join(map(_problem, problems)) if problems else text


def _dictionary(line: str) -> dict[str, Any]:
    """A problem as pydantic prints it in a message; empty where the line is none."""
    if line.lstrip().startswith("{"):
        with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            found = ast.literal_eval(line.strip())
            return found if isinstance(found, dict) else {}
    return {}


def _problem(problem: object) -> str:
    """One entry of FastAPI's list: where, and what is wrong."""
    if not isinstance(problem, dict) or "msg" not in problem:
        return str(problem)
    place = problem.get("loc")
    where = ".".join(str(part) for part in place if part != "body") if isinstance(place, list | tuple) else ""
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
