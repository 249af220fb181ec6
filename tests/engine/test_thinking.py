"""Thinking budgets with the real engine: exact to the token, and the answer is written after the cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from qwen3_runtime.config import Phase
from tests.engine.pod import MODEL, Pod, tiny_config
from tests.engine.test_chat import HELLO, WEATHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openai.types.chat import ChatCompletion

CEILING = 200
PERSON = {
    "type": "object",
    "properties": {"name": {"enum": ["Ada", "Grace"]}},
    "required": ["name"],
    "additionalProperties": False,
}
"""Nothing in it is of free length: the tiny model need not know how to end a string."""


@pytest.fixture(scope="module")
def limited(engine_python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """A pod of a deployment with ``maxBudgetTokens``."""
    config = tiny_config(tiny_model, max_thinking_tokens=CEILING)
    made = Pod.start(config, engine_python, tmp_path_factory.mktemp("limited"))
    try:
        made.wait_for(Phase.READY)
        yield made
    finally:
        made.end()


@pytest.fixture
def client(limited: Pod) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{limited.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def ask(client: openai.OpenAI, budget: int | None = None, **fields: Any) -> ChatCompletion:
    asked: dict[str, Any] = {"messages": HELLO, "temperature": 0, "max_tokens": 300} | fields
    extra = {} if budget is None else {"thinking_budget": budget}
    answer: ChatCompletion = client.chat.completions.create(model=MODEL, extra_body=extra, **asked)
    return answer


def thought_tokens(answer: ChatCompletion) -> int:
    assert answer.usage
    details = answer.usage.completion_tokens_details
    return (details.reasoning_tokens or 0) if details else 0


def thought(answer: ChatCompletion) -> str:
    extra: dict[str, Any] = answer.choices[0].message.model_extra or {}
    return extra.get("reasoning_content") or ""


def test_a_thought_ends_with_the_last_token_of_its_budget(client: openai.OpenAI) -> None:
    free = ask(client)
    length = thought_tokens(free)
    assert 8 < length < CEILING, "the model's own thought is what budgets are compared with"
    for budget in (1, 2, 3, length // 2, length - 1):
        cut = ask(client, budget)
        assert thought_tokens(cut) == budget
        assert thought(free).startswith(thought(cut))
        assert cut.choices[0].message.content, "the answer follows the cut"
        assert cut.usage
        assert cut.usage.completion_tokens > budget
        assert free.usage
        assert cut.usage.prompt_tokens == free.usage.prompt_tokens
        assert cut.usage.total_tokens == cut.usage.prompt_tokens + cut.usage.completion_tokens
    for budget in (length, length + 1, CEILING):
        assert ask(client, budget).choices[0].message == free.choices[0].message


def test_a_stream_says_the_same(client: openai.OpenAI) -> None:
    whole = ask(client, 6)
    texts = {"content": "", "reasoning_content": ""}
    usage = None
    with client.chat.completions.create(
        model=MODEL,
        messages=HELLO,
        temperature=0,
        max_tokens=300,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"thinking_budget": 6},
    ) as stream:
        for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                for name in texts:
                    texts[name] += getattr(choice.delta, name, None) or ""
    assert texts["content"] == whole.choices[0].message.content
    assert texts["reasoning_content"] == thought(whole)
    assert usage
    assert whole.usage
    assert usage.completion_tokens_details == whole.usage.completion_tokens_details
    assert usage.completion_tokens == whole.usage.completion_tokens


def test_every_choice_has_the_budget(client: openai.OpenAI) -> None:
    answer = ask(client, 5, n=3)
    assert len(answer.choices) == 3
    assert thought_tokens(answer) == 3 * 5
    assert all(choice.message.content for choice in answer.choices)


def test_an_effort_is_a_share_of_the_ceiling(client: openai.OpenAI) -> None:
    endless: dict[str, Any] = {"max_tokens": CEILING, "logit_bias": {"151668": -100}}
    assert thought_tokens(ask(client, **endless | {"reasoning_effort": "minimal"})) == CEILING // 10
    assert thought_tokens(ask(client, **endless)) == CEILING
    assert thought_tokens(ask(client, reasoning_effort="none")) == 0


def test_a_tool_is_called_after_the_thought(client: openai.OpenAI) -> None:
    """The mask keeps tool calls out of thoughts and nowhere else."""
    answer = ask(client, messages=[{"role": "user", "content": "What is the weather in Paris?"}], tools=[WEATHER])
    assert 8 < thought_tokens(answer) < CEILING
    assert answer.choices[0].finish_reason == "tool_calls"


def test_a_schema_holds_after_the_thought(client: openai.OpenAI) -> None:
    answer = ask(
        client,
        messages=[{"role": "user", "content": "Describe a person as JSON."}],
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}},
    )
    assert 8 < thought_tokens(answer) < CEILING
    assert json.loads(answer.choices[0].message.content or "")["name"] in {"Ada", "Grace"}
