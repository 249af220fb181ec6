"""What requests get that leave their sampling open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qwen3_runtime.config import Sampling, SamplingValues, ThinkingMode
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.server.prepare import Prepared, prepare, served
from qwen3_runtime.server.routes import CHAT, COMPLETIONS, Route
from tests.unit.runtime.conftest import make_config

THINKING = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0}
ANSWERING = {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0}
SAMPLING = Sampling(thinking=SamplingValues(**THINKING), answering=SamplingValues(**ANSWERING))
PLAIN: dict[str, Any] = {"model": "qwen3-tiny", "messages": [{"role": "user", "content": "Hi"}]}


def sampled(asked: dict[str, Any], path: str = CHAT, **config: Any) -> dict[str, Any]:
    """The sampling fields that reach the engine."""
    rules = served(make_config(sampling=SAMPLING, **config), SGLang())
    prepared = prepare(json.dumps(PLAIN | asked).encode(), Route(path, has_body=True), rules)
    assert isinstance(prepared, Prepared)
    return {name: value for name, value in json.loads(prepared.body).items() if name in THINKING}


@pytest.mark.parametrize(
    ("asked", "mode", "expected"),
    [
        ({}, ThinkingMode.HYBRID, THINKING),
        ({"enable_thinking": False}, ThinkingMode.HYBRID, ANSWERING),
        ({"reasoning_effort": "none"}, ThinkingMode.HYBRID, ANSWERING),
        ({}, ThinkingMode.ALWAYS, THINKING),
        ({}, ThinkingMode.NEVER, ANSWERING),
        ({"temperature": 0}, ThinkingMode.HYBRID, THINKING | {"temperature": 0}),
        ({"top_p": None}, ThinkingMode.HYBRID, THINKING),
    ],
)
def test_what_is_left_open_is_filled(asked: dict[str, Any], mode: ThinkingMode, expected: dict[str, Any]) -> None:
    assert sampled(asked, thinking_mode=mode) == expected


def test_a_plain_prompt_is_left_to_the_engine() -> None:
    assert sampled({}, COMPLETIONS) == {}
