from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_runtime.gateway.call import Call, read_call
from qwen3_runtime.gateway.usage import Usage, find_usage, rerank_usage


def read(body: bytes) -> Call:
    return read_call(body, usage_option=True)


@settings(max_examples=30)
@given(
    st.dictionaries(st.text(min_size=1).filter(lambda name: name not in {"model", "stream"}), st.text(), max_size=3),
    st.sampled_from(
        [{}, {"stream_options": None}, {"stream_options": {"x": 1}}, {"stream_options": {"include_usage": 0}}]
    ),
    st.sampled_from(["", " ", "\n"]),
)
def test_usage_is_asked_for_and_nothing_else_changes(more: dict[str, str], options: dict[str, Any], tail: str) -> None:
    request = more | {"model": "m", "stream": True} | options
    call = read((json.dumps(request) + tail).encode())
    sent = json.loads(call.body)
    assert call.hide_usage
    assert sent.pop("stream_options")["include_usage"] is True
    request.pop("stream_options", None)
    assert sent == request


@pytest.mark.parametrize(
    "request_", [{"model": "m"}, {"model": "m", "stream": True, "stream_options": {"include_usage": True}}]
)
def test_a_body_that_needs_no_change_is_forwarded_as_it_came(request_: dict[str, Any]) -> None:
    body = json.dumps(request_, indent=3).encode()
    assert read(body).body is body


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7, "n": 3}, 21),
        ({"max_tokens": "x"}, None),
    ],
)
def test_the_most_that_a_request_may_generate(fields: dict[str, Any], tokens: int | None) -> None:
    assert read(json.dumps({"model": "m"} | fields).encode()).max_output_tokens == tokens


IMAGE = "data:image/png;base64," + "A" * 100_000


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}]},
        {"input": [{"text": "a", "image": IMAGE}]},
    ],
)
def test_attached_data_counts_as_an_image_of_its_kind(fields: dict[str, Any]) -> None:
    assert 4096 < read(json.dumps({"model": "m"} | fields).encode()).text_bytes < 4400


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"content": IMAGE}]},
        {"messages": [{"content": [{"type": "text", "text": IMAGE}]}]},
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "x", "detail": IMAGE}}]}]},
        {"prompt": IMAGE},
        {"input": [IMAGE]},
        {"query": IMAGE, "documents": [IMAGE]},
        {"tools": [{"function": {"description": IMAGE}}]},
        {"image_url": IMAGE},
    ],
)
def test_text_that_looks_like_attached_data_counts_in_full(fields: dict[str, Any]) -> None:
    body = json.dumps({"model": "m"} | fields).encode()
    assert read(body).text_bytes == len(body)


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"reasoning_tokens":3}}', Usage(5, 0, 3, 4)),
        (
            b'{"usage": {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 2}}}',
            Usage(5, 2, 0, 7),
        ),
        (json.dumps({"usage": {"prompt_tokens": 1}, "text": '"usage":{"prompt_tokens":99}'}).encode(), Usage(1)),
        (b'{"usage":null}', None),
        (b'{"usage":{"prompt', None),
        (b"", None),
    ],
)
def test_usage_is_read_as_the_engine_tells_it(body: bytes, usage: Usage | None) -> None:
    assert find_usage(body) == usage


def test_rerank_tells_tokens_of_each_document() -> None:
    assert rerank_usage(b'[{"meta_info":{"prompt_tokens":3}},{"meta_info":{"prompt_tokens":4}}]') == Usage(prompt=7)
    assert rerank_usage(b"[1]") is None
