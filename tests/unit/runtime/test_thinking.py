"""What requests ask of thinking, and what the engine is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_runtime.config import Thinking, ThinkingMode
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.prepare import Prepared, prepare, served
from qwen3_runtime.server.rewrite import rewrite
from qwen3_runtime.server.routes import CHAT, COMPLETIONS, Route
from tests.unit.runtime.conftest import make_config

PLAIN: dict[str, Any] = {"model": "qwen3-tiny", "messages": [{"role": "user", "content": "Hi"}]}

ON, OFF = {"enable_thinking": True}, {"enable_thinking": False}


def sent(asked: dict[str, Any], path: str = CHAT, **config: Any) -> dict[str, Any] | ErrorAnswer:
    """The fields beside `PLAIN` that reach the engine."""
    body = json.dumps(PLAIN | asked).encode()
    answer = prepare(body, Route(path, has_body=True), served(make_config(**config), SGLang()))
    if isinstance(answer, ErrorAnswer):
        return answer
    return {name: value for name, value in json.loads(answer.body).items() if PLAIN.get(name) != value}


def budget(asked: dict[str, Any], **config: Any) -> int | None:
    """Tokens of the thought, or None for any number."""
    fields = sent(asked, **config)
    assert isinstance(fields, dict), fields
    return fields["custom_params"]["thinking_budget"] + 1 if "custom_params" in fields else None


def refusal(asked: dict[str, Any], path: str = CHAT, **config: Any) -> ErrorAnswer:
    answer = sent(asked, path, **config)
    assert isinstance(answer, ErrorAnswer)
    assert answer.status == 400
    return answer


@pytest.mark.parametrize(
    ("asked", "thinks"),
    [
        ({}, None),
        ({"enable_thinking": False}, False),
        ({"enable_thinking": True}, True),
        ({"chat_template_kwargs": OFF}, False),
        ({"chat_template_kwargs": ON}, True),
        ({"chat_template_kwargs": {"enable_thinking": None}}, None),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "low"}, True),
        ({"reasoning": {"effort": "none"}, "reasoning_effort": "high"}, False),
        ({"thinking_budget": 0}, False),
        ({"enable_thinking": True, "reasoning_effort": "none"}, True),
        ({"chat_template_kwargs": OFF, "enable_thinking": True}, False),
    ],
)
@pytest.mark.parametrize("default", Thinking)
def test_hybrid_models_think_as_asked(asked: dict[str, Any], thinks: object, default: Thinking) -> None:
    fields = sent(asked, thinking=default)
    assert isinstance(fields, dict)
    expected = (default is Thinking.ENABLED) if thinks is None else thinks
    assert fields["chat_template_kwargs"] == {"enable_thinking": expected}
    assert not {"enable_thinking", "thinking_budget", "custom_params"} & fields.keys()


def test_other_template_fields_stay() -> None:
    fields = sent({"chat_template_kwargs": {"a": 1}, "enable_thinking": False})
    assert isinstance(fields, dict)
    assert fields["chat_template_kwargs"] == {"a": 1, "enable_thinking": False}


@pytest.mark.parametrize("mode", [ThinkingMode.ALWAYS, ThinkingMode.NEVER])
def test_models_with_one_mode_get_the_request_as_it_came(mode: ThinkingMode) -> None:
    body = b' {"model":"qwen3-tiny", "messages": [ {} ]}'
    prepared = prepare(body, Route(CHAT, has_body=True), served(make_config(thinking_mode=mode), SGLang()))
    assert prepared == Prepared(body, "qwen3-tiny")


@pytest.mark.parametrize(
    ("mode", "asked", "words"),
    [
        (ThinkingMode.ALWAYS, {"enable_thinking": False}, "always thinks"),
        (ThinkingMode.ALWAYS, {"chat_template_kwargs": OFF}, "always thinks"),
        (ThinkingMode.ALWAYS, {"reasoning_effort": "none"}, "always thinks"),
        (ThinkingMode.ALWAYS, {"thinking_budget": 0}, "always thinks"),
        (ThinkingMode.NEVER, {"enable_thinking": True}, "never thinks"),
        (ThinkingMode.NEVER, {"reasoning_effort": "high"}, "never thinks"),
    ],
)
def test_what_the_model_cannot_do_is_refused(mode: ThinkingMode, asked: dict[str, Any], words: str) -> None:
    assert f"qwen3-tiny {words}" in refusal(asked, thinking_mode=mode).message


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [
        ({}, 1000),
        ({"thinking_budget": 100}, 100),
        ({"thinking_budget": 1}, 1),
        ({"thinking_budget": 5000}, 1000),
        ({"thinking_budget": None}, 1000),
        ({"reasoning_effort": "low"}, 200),
        ({"reasoning_effort": "medium"}, 500),
        ({"reasoning_effort": "max"}, 1000),
        ({"reasoning_effort": 0.3}, 300),
        ({"reasoning_effort": "high", "thinking_budget": 100}, 100),
        ({"reasoning_effort": "low", "thinking_budget": 300}, 200),
        ({"enable_thinking": False, "thinking_budget": 100}, None),
        ({"thinking_budget": 0}, None),
    ],
)
def test_the_least_of_budget_effort_and_ceiling_counts(asked: dict[str, Any], tokens: int | None) -> None:
    assert budget(asked, max_thinking_tokens=1000) == tokens


@pytest.mark.parametrize("effort", ["minimal", 0, 0.01])
def test_the_least_effort_is_one_token(effort: object) -> None:
    assert budget({"reasoning_effort": effort}, max_thinking_tokens=5) == 1


def test_models_that_always_think_are_limited() -> None:
    assert budget({"thinking_budget": 7}, thinking_mode=ThinkingMode.ALWAYS, max_thinking_tokens=1000) == 7


def test_a_budget_needs_a_deployment_that_takes_budgets() -> None:
    answer = refusal({"thinking_budget": 100})
    assert answer.param == "thinking_budget"
    assert "spec.thinking.maxBudgetTokens" in answer.message
    assert budget({"enable_thinking": False, "thinking_budget": 100}) is None


@pytest.mark.parametrize("value", [-1, 1.5, True, "100", []])
def test_a_budget_is_a_number_of_tokens(value: object) -> None:
    assert refusal({"thinking_budget": value}, max_thinking_tokens=1000).param == "thinking_budget"


@pytest.mark.parametrize("value", [0, "false", []])
def test_a_switch_is_a_boolean(value: object) -> None:
    assert refusal({"enable_thinking": value}).param == "enable_thinking"
    asked = {"chat_template_kwargs": {"enable_thinking": value}}
    assert refusal(asked).param == "chat_template_kwargs.enable_thinking"


def test_contradictions_are_refused() -> None:
    assert "contradict" in refusal({"enable_thinking": True, "thinking_budget": 0}, max_thinking_tokens=1000).message


def test_a_continued_answer_has_no_thought_that_could_be_counted() -> None:
    asked = {"continue_final_message": True}
    assert refusal(asked, max_thinking_tokens=1000).param == "continue_final_message"
    assert isinstance(sent(asked | {"enable_thinking": False}, max_thinking_tokens=1000), dict)
    assert isinstance(sent(asked), dict)


@pytest.mark.parametrize("asked", [{"thinking_budget": 5}, {"enable_thinking": False}])
def test_plain_prompts_take_no_thinking_fields(asked: dict[str, Any]) -> None:
    assert "/v1/chat/completions" in refusal(asked, COMPLETIONS).message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), JSON, min_size=1, max_size=4), st.dictionaries(st.text(), JSON, max_size=3))
def test_a_rewritten_body_says_what_was_meant(before: dict[str, Any], changes: dict[str, Any]) -> None:
    body = b"\n " + json.dumps(before, ensure_ascii=False).encode("utf-8", "replace")
    read = json.loads(body)
    after = read | changes
    assert json.loads(rewrite(body, read, after)) == json.loads(json.dumps(after))


def test_bytes_stay_where_fields_are_only_added() -> None:
    body = b'{ "a":1e2 }'
    before = json.loads(body)
    assert rewrite(body, before, before) == body
    assert rewrite(body, before, before | {"b": 1}) == b'{"b": 1, "a":1e2 }'
