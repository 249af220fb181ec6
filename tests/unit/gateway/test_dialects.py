from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.gateway.dialects import ollama
from qwen3_runtime.gateway.dialects.dialect import relayed, translate, whole
from qwen3_runtime.gateway.dialects.responses import Responses
from qwen3_runtime.gateway.operations import MESSAGES
from qwen3_runtime.server.traffic import InterruptedRequestError
from qwen3_runtime.tenancy import Route

if TYPE_CHECKING:
    from qwen3_runtime.gateway.dialects.dialect import Dialect

ROUTE = Route(name="m", namespace="n", deployment="d", context_length=9, max_thinking_tokens=900)
ALL: tuple[Dialect, ...] = (MESSAGES, Responses(), ollama.CHAT, ollama.GENERATE)


def chunk(reason: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def messages(events: bytes) -> list[dict[str, Any]]:
    """Events of Anthropic's API."""
    lines = relayed(MESSAGES, MESSAGES.stream(), events).splitlines()
    return [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"choices": []}'])
def test_a_replica_that_answers_nonsense_has_failed(dialect: Dialect, body: bytes) -> None:
    with pytest.raises(InterruptedRequestError):
        whole(dialect, 200, body)
    with pytest.raises(InterruptedRequestError):
        relayed(dialect, dialect.stream(), b"data: <html>\n\n")


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("fields", [{}, {"messages": "x", "prompt": 3, "options": 5}, {"messages": [3], "format": 3}])
def test_a_field_of_another_form_is_refused(dialect: Dialect, fields: dict[str, Any]) -> None:
    with pytest.raises(InterruptedRequestError) as refused:
        translate(dialect, {"model": "m"} | fields, ROUTE)
    assert refused.value.answer.status == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "no"}}', "no"),
        (b'{"object": "error", "message": "no"}', "no"),
        (b'{"error": "no"}', "no"),
        (b"<html>", "The model refused this request."),
    ],
)
def test_a_refusal_keeps_its_sentence(body: bytes, message: str) -> None:
    assert json.loads(whole(ollama.CHAT, 400, body)) == {"error": message}


def test_blocks_of_a_message_follow_one_another() -> None:
    call = {"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}
    other = call | {"index": 1, "id": "y"}
    found = messages(
        chunk(role="assistant", content="")
        + chunk(reasoning_content="a")
        + chunk(reasoning_content="b")
        + chunk(content="c")
        + chunk(tool_calls=[call, other])
        + chunk("tool_calls")
        + b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}\n\ndata: [DONE]\n\n'
    )
    kinds = [(event["type"], event.get("index")) for event in found]
    assert kinds == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        *(
            (kind, index)
            for index in (1, 2, 3)
            for kind in ("content_block_start", "content_block_delta", "content_block_stop")
        ),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert found[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert found[-2]["usage"]["output_tokens"] == 4


def test_an_answer_without_a_word_is_a_message_all_the_same() -> None:
    found = messages(chunk("stop") + b"data: [DONE]\n\n")
    assert [event["type"] for event in found] == ["message_start", "message_delta", "message_stop"]


def test_the_stop_sequence_is_named() -> None:
    choice = {"message": {"content": "a"}, "finish_reason": "stop", "matched_stop": "END"}
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}
    answer = MESSAGES.answer({"id": "c", "model": "m", "choices": [choice], "usage": usage})
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "END")
    assert (answer["usage"]["input_tokens"], answer["usage"]["cache_read_input_tokens"]) == (3, 6)


def test_a_budget_goes_to_deployments_that_take_one() -> None:
    thinking = {"type": "enabled", "budget_tokens": 50}
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}], "thinking": thinking}
    assert json.loads(translate(MESSAGES, asked, ROUTE))["thinking_budget"] == 50


def test_arguments_that_are_no_json_are_kept() -> None:
    call = {"id": "x", "function": {"name": "f", "arguments": "{broken"}}
    message = {"content": None, "tool_calls": [call]}
    answer = MESSAGES.answer({"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    assert answer["content"] == [{"type": "tool_use", "id": "x", "name": "f", "input": {"arguments": "{broken"}}]


@pytest.mark.parametrize("dialect", [MESSAGES, Responses(), ollama.CHAT])
def test_a_thought_is_a_thought_whatever_the_engine_calls_it(dialect: Dialect) -> None:
    def told(name: str) -> tuple[bytes, bytes]:
        said = {"role": "assistant", "content": "Hi", name: "I greet."}
        answer = {"id": "c", "created": 1, "model": "m", "choices": [{"message": said, "finish_reason": "stop"}]}
        stream = dialect.stream()
        pieces = chunk(**{name: "I greet."}) + chunk(content="Hi") + chunk("stop")
        return whole(dialect, 200, json.dumps(answer).encode()), relayed(dialect, stream, pieces)

    usual, other = told("reasoning_content"), told("reasoning")
    assert [without_times(text) for text in other] == [without_times(text) for text in usual]
    assert all(b"I greet." in text for text in other)


def without_times(text: bytes) -> bytes:
    """Ollama tells how long it took."""
    return re.sub(rb'"(created_at|\w+_duration)": ?("[^"]*"|\d+)', b"", text)
