"""Options of `transformers serve`, and what it does not carry out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qwen3_runtime.config import Engine, Thinking
from qwen3_runtime.engines.adapters.transformers import Transformers
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.prepare import Prepared, prepare, served
from qwen3_runtime.server.routes import CHAT, Route
from tests.unit.runtime.conftest import make_config

CONFIG = make_config(engine=Engine.TRANSFORMERS)


def ask(**fields: Any) -> Prepared | ErrorAnswer:
    body = {"model": "qwen3-tiny", "messages": [{"role": "user", "content": "Hello"}]} | fields
    return prepare(json.dumps(body).encode(), Route(CHAT, has_body=True), served(CONFIG, Transformers()))


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        {"tool_choice": "required"},
        {"tool_choice": "none"},
        {"n": 2},
        {"logprobs": True},
        {"presence_penalty": 1.5},
        {"max_completion_tokens": 5},
    ],
)
def test_what_would_be_ignored_is_answered_501(fields: dict[str, Any]) -> None:
    (name,) = fields
    answer = ask(**fields)
    assert isinstance(answer, ErrorAnswer)
    assert (answer.status, answer.code, answer.param) == (501, "not_implemented", name)
    assert answer.message.startswith(f"Transformers, which serves qwen3-tiny, does not carry out `{name}`: ")


@pytest.mark.parametrize(
    "fields", [{}, {"tool_choice": "auto"}, {"n": 1}, {"response_format": {"type": "text"}}, {"logprobs": None}]
)
def test_what_changes_nothing_goes_through(fields: dict[str, Any]) -> None:
    assert isinstance(ask(**fields), Prepared)


def test_options() -> None:
    arguments = Transformers().command(CONFIG, 30000, (5, 19, 0)).arguments
    assert arguments[:4] == ("--model", "/model", "--served-model-name", "qwen3-tiny")
    assert arguments[4:6] == ("--host", "127.0.0.1")
    assert arguments[-2:] == ("--device", "cpu")
    off = make_config(engine=Engine.TRANSFORMERS, thinking=Thinking.DISABLED)
    assert Transformers().command(off, 30000, (5, 19, 0)).arguments[-1] == '{"enable_thinking": false}'


def test_error_line() -> None:
    log = ["Traceback (most recent call last):", "OSError: no file named model.safetensors", "done"]
    assert Transformers().error_line(log) == log[1]
