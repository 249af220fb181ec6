"""Errors of engines, each in the form in which it comes, as clients get them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qwen3_runtime.server import engine_errors
from qwen3_runtime.server.engine_errors import in_openai_form

PROBLEM = {"type": "literal_error", "loc": ("body", "reasoning_effort"), "msg": "Input should be 'low' or 'high'"}
OTHER = {"type": "less", "loc": ("body", "top_k"), "msg": "Input should be less", "input": "it's {odd}"}
# FastAPI 0.120 and newer: str() of RequestValidationError ends with the endpoint's place.
PLACE = 'File "/opt/engine/http_server.py", line 1870, in chat'
FASTAPI = f"2 validation errors:\n  {PROBLEM}\n  {OTHER}\n\n  {PLACE}\n    POST /v1/chat/completions"
WORDS = "reasoning_effort: Input should be 'low' or 'high'; top_k: Input should be less"
TRACEBACK = 'Traceback (most recent call last):\n  File "/a/b.py", line 3, in f\n    g()'
LONG_PROBLEM = f"1 validation error:\n  {OTHER | {'input': 'x' * 30_000}}"[:2000]
LONG = "The input (5000 tokens) is longer than the model's context length (4096 tokens)."


@pytest.mark.parametrize(
    ("said", "message", "param"),
    [
        ({"object": "error", "message": FASTAPI, "type": "Bad Request", "param": None, "code": 400}, WORDS, None),
        ({"object": "error", "message": LONG, "param": "messages", "code": 400}, LONG, "messages"),
        ({"error": {"message": LONG, "type": "BadRequestError", "param": None, "code": 400}}, LONG, None),
        ({"error": LONG}, LONG, None),
        ({"detail": LONG}, LONG, None),
        ({"detail": [PROBLEM, "?"]}, "reasoning_effort: Input should be 'low' or 'high'; ?", None),
        ({"message": "{not a problem\nsecond line"}, "{not a problem\nsecond line", None),
        ({"message": f"Broken.\n{TRACEBACK}"}, "Broken.", None),
        ({"message": TRACEBACK}, "Bad Request", None),
        ({"message": "{{}}\n{[1]: 2}"}, "{{}}\n{[1]: 2}", None),
        ({"detail": [{"msg": "no", "loc": None}, {"msg": "yes", "loc": 1}]}, "no; yes", None),
        ({"detail": [PROBLEM] * 1000}, "; ".join(["reasoning_effort: Input should be 'low' or 'high'"] * 20), None),
        ({"message": f"1 validation error:\n  {OTHER | {'input': 'x' * 30_000}}"}, LONG_PROBLEM, None),
        ([1], "[1]", None),
        ({}, "Bad Request", None),
    ],
)
def test_every_form_becomes_openai_s(said: object, message: str, param: str | None) -> None:
    headers, body = in_openai_form(400, [(b"Content-Type", b"text/html"), (b"x-a", b"b")], json.dumps(said).encode())
    assert headers == [(b"x-a", b"b"), (b"content-type", b"application/json")]
    assert json.loads(body) == {
        "error": {"message": message, "type": "invalid_request_error", "param": param, "code": "engine_refused"}
    }


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, b"Internal Server Error", {"message": "Internal Server Error", "code": "engine_error"}),
        (503, b"", {"message": "Service Unavailable", "code": "engine_error"}),
        (599, b"\xff", {"message": "\N{REPLACEMENT CHARACTER}", "code": "engine_error"}),
        (560, b"", {"message": "The engine gives no reason.", "code": "engine_error"}),
        (413, b'{"error":{"message":"m","code":"too_long"}}', {"message": "m", "code": "too_long"}),
        (400, b"[" * 100_000, {"message": "[" * 2000, "code": "engine_refused"}),
    ],
)
def test_what_is_no_json_is_the_message(status: int, body: bytes, error: dict[str, Any]) -> None:
    told = json.loads(in_openai_form(status, [], body)[1])["error"]
    assert error.items() <= told.items()
    assert told["type"] == ("server_error" if status >= 500 else "invalid_request_error")


def test_of_endless_problems_the_first_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def note(line: str) -> dict[str, Any]:
        read.append(line)
        return {}

    monkeypatch.setattr(engine_errors, "_dictionary", note)
    in_openai_form(400, [], json.dumps({"message": f"{PROBLEM}\n" * 10_000}).encode())
    assert 0 < sum(map(len, read)) <= 20_000
