"""Apply to Ready to chat, through the Service, with the official client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

if TYPE_CHECKING:
    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

MODEL = "Qwen3-Tiny"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def test_answers_after_thinking(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0)
    message = answer.choices[0].message
    assert message.reasoning_content.strip()  # type: ignore[attr-defined]
    assert message.content
    assert message.content.strip()
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.completion_tokens > 0


def test_answers_without_thinking(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, extra_body=NO_THINKING)
    message = answer.choices[0].message
    assert not getattr(message, "reasoning_content", None)
    assert message.content
    assert "<think>" not in message.content


@pytest.mark.parametrize("thinking", [True, False])
def test_streams_the_same_answer(client: openai.OpenAI, *, thinking: bool) -> None:
    extra = {} if thinking else NO_THINKING
    whole = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, extra_body=extra)
    parts = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, extra_body=extra, stream=True)
    deltas = [chunk.choices[0].delta for chunk in parts if chunk.choices]
    assert len(deltas) > 2
    assert "".join(d.content or "" for d in deltas) == whole.choices[0].message.content
    thoughts = "".join(getattr(d, "reasoning_content", None) or "" for d in deltas)
    assert thoughts == (getattr(whole.choices[0].message, "reasoning_content", None) or "")
    assert bool(thoughts) is thinking


def test_calls_a_tool(client: openai.OpenAI) -> None:
    question: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = client.chat.completions.create(model=MODEL, messages=question, tools=WEATHER, temperature=0)
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls
    assert calls
    assert calls[0].type == "function"
    assert calls[0].function.name == "get_weather"
    assert "Paris" in calls[0].function.arguments


def test_unknown_model_is_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=MODEL):
        client.chat.completions.create(model="gpt-4", messages=HELLO)


def test_lists_the_served_model(client: openai.OpenAI) -> None:
    assert [m.id for m in client.models.list()] == [MODEL]


def test_reads_like_a_status_board(kube: Kube, served: str) -> None:
    board = kube.run("get", "q3d", "-n", served)
    header, row = board.splitlines()[0].split(), board.splitlines()[1].split()
    shown = dict(zip(header, row, strict=False))
    assert shown["MODEL"] == MODEL
    assert shown["READY"] == "1/1"
    described = kube.run("describe", "q3d", "served", "-n", served)
    for word in ("Planned", "WeightsReady", "Summary", "FirstToken", "Events"):
        assert word in described
    status = kube.get("q3d", "served", served)["status"]
    assert status["url"] == f"http://served.{served}.svc/v1"
    assert status["plan"]["placements"][0]["memory"]["weights"] > 30_000_000
    assert kube.run("get", "q3d", "served", "-n", served, "-o", "jsonpath={.status.readyReplicas}") == "1"
