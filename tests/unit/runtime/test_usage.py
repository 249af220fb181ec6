"""Counts of tokens, read from what the engine answers."""

from __future__ import annotations

import json

import pytest

from qwen3_runtime.server.usage import Usage, begins_answer, take_usage, usage_of

COUNTS = {"prompt_tokens": 9, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 20}}
TEXT = b'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"\\"usage\\":{"}}]}\n\n'
LAST = b'data: {"object":"chat.completion.chunk","choices":[],"usage":' + json.dumps(COUNTS).encode() + b"}\n\n"
DONE = b"data: [DONE]\n\n"
USAGE = Usage(prompt=9, thinking=20, answer=10)


def test_whole_answers() -> None:
    assert usage_of(b'{"data":[],"usage":{"prompt_tokens":5}}') == Usage(5, 0, 0)
    assert usage_of(b'{"choices":[{"message":{}}],"usage":' + json.dumps(COUNTS).encode() + b"}") == USAGE
    older = {"prompt_tokens": 9, "completion_tokens": 30, "reasoning_tokens": 20}
    assert usage_of(b'{"choices":[],"usage":' + json.dumps(older).encode() + b"}") == USAGE
    assert usage_of(b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":0}}') == Usage(5, 0, 0)
    odd = b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"reasoning_tokens":4}}'
    assert usage_of(odd) == Usage(5, 3, 0), "an answer of less than nothing would be paid back"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"usage":{', b'{"usage":{"completion_tokens":"x"}}', b'["usage":{}]'])
def test_other_answers_have_no_counts(body: bytes) -> None:
    assert usage_of(body) is None


@pytest.mark.parametrize("before", [b"", TEXT, TEXT * 2])
@pytest.mark.parametrize("after", [b"", DONE])
def test_the_event_with_the_counts_is_taken_out_of_a_stream(before: bytes, after: bytes) -> None:
    assert take_usage(before + LAST + after, hide=True) == (before + after, USAGE)
    assert take_usage(before + LAST + after, hide=False) == (before + LAST + after, USAGE)


def test_counts_beside_a_text_stay() -> None:
    event = b'data: {"object":"chat.completion.chunk","choices":[{}],"usage":{"completion_tokens":3}}\n\n'
    assert take_usage(event, hide=True) == (event, None)


def test_counts_beside_the_end_of_a_choice_count_and_stay() -> None:
    """transformers sends no event for them alone."""
    event = (
        b'data: {"object":"chat.completion.chunk","choices":[{"delta":{},"finish_reason":"stop"}],"usage":'
        + json.dumps(COUNTS).encode()
        + b"}\n\n"
    )
    assert take_usage(event, hide=True) == (event, USAGE)


@pytest.mark.parametrize(
    ("chunk", "begins"),
    [
        (b'{"delta":{"role":"assistant","content":""}}', False),
        (b'{"delta":{"reasoning_content":"I \\"content\\":\\"x"}}', False),
        (b'{"delta":{"content":"\\n\\n"}}', True),
        (b'{"delta":{"tool_calls":[{"index":0}]}}', True),
        (b'{"choices":[{"index":0,"text":"a"}]}', True),
    ],
)
def test_an_answer_begins_after_the_thought(chunk: bytes, begins: object) -> None:
    assert begins_answer(chunk) is begins
