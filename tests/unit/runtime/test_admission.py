"""What reaches the engine and what is answered before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qwen3_runtime.config import Task
from qwen3_runtime.server.checks import check_messages, read_request
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.refused import REFUSED_FIELDS
from qwen3_runtime.server.routes import PATHS, TOKENIZE, Route, find_route

CHAT: dict[str, Any] = {"model": "qwen3-tiny", "messages": [{"role": "user", "content": "Hi"}]}


def answer_to(body: bytes) -> ErrorAnswer:
    answer = read_request(body, ("qwen3-tiny",))
    assert isinstance(answer, ErrorAnswer)
    return answer


def test_ordinary_requests_pass() -> None:
    extras = {
        "temperature": 0,
        "tools": [],
        "chat_template_kwargs": {"enable_thinking": False},
        "lora_path": None,
        "return_hidden_states": False,
        "stream": None,
        "stream_options": {"include_usage": None},
    }
    assert read_request(json.dumps(CHAT | extras).encode(), ("qwen3-tiny",)) == CHAT | extras


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe\xfd", b"[" * 100_000, json.dumps(CHAT).encode("utf-16")]
)
def test_no_json_object(body: bytes) -> None:
    answer = answer_to(body)
    assert (answer.status, answer.code) == (400, "invalid_json")


@pytest.mark.parametrize("model", [None, "", 3, ["qwen3-tiny"]])
def test_no_model(model: object) -> None:
    answer = answer_to(json.dumps(CHAT | {"model": model}).encode())
    assert (answer.status, answer.param) == (400, "model")


@pytest.mark.parametrize("model", ["gpt-4", "qwen3-tiny:adapter", "Qwen3-Tiny"])
def test_unknown_model_names_the_served_one(model: str) -> None:
    answer = answer_to(json.dumps(CHAT | {"model": model}).encode())
    assert (answer.status, answer.code, answer.param) == (404, "model_not_found", "model")
    assert "`qwen3-tiny`" in answer.message
    assert json.loads(answer.body())["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize("value", [1, 0, "true", "false", []])
def test_a_switch_is_true_or_false(value: object) -> None:
    for name, fields in (
        ("stream", {"stream": value}),
        ("stream_options.include_usage", {"stream": True, "stream_options": {"include_usage": value}}),
    ):
        answer = answer_to(json.dumps(CHAT | fields).encode())
        assert (answer.status, answer.code, answer.param) == (400, "invalid_value", name)


@pytest.mark.parametrize("value", ["x", 0, ""])
@pytest.mark.parametrize("name", REFUSED_FIELDS)
def test_dangerous_fields_are_refused_with_their_reason(name: str, value: object) -> None:
    answer = answer_to(json.dumps(CHAT | {name: value}).encode())
    assert (answer.status, answer.param) == (400, name)
    assert REFUSED_FIELDS[name] in answer.message


def test_own_chat_template_is_refused() -> None:
    answer = answer_to(json.dumps(CHAT | {"chat_template_kwargs": {"chat_template": "{{ 1 }}"}}).encode())
    assert answer.param == "chat_template_kwargs.chat_template"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/chat/completions", "/v1/chat/completions"),
        ("POST", "/v1/completions", "/v1/completions"),
        ("GET", "/v1/models", "/v1/models"),
        ("GET", "/v1/models/qwen3-tiny", "/v1/models/{model}"),
    ],
)
def test_allowed_paths(method: str, path: str, name: str) -> None:
    route = find_route(method, path, ("qwen3-tiny",), Task.GENERATE)
    assert isinstance(route, Route)
    assert route.name == name


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/generate", 404),
        ("GET", "/metrics", 404),
        ("POST", "/flush_cache", 404),
        ("POST", "/v1/chat/completions/", 404),
        ("POST", "/v1/chat/../../flush_cache", 404),
        ("GET", "/v1/models/other", 404),
        ("GET", "/v1/models/../../flush_cache", 404),
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/v1/models/qwen3-tiny", 405),
    ],
)
def test_everything_else_ends_here(method: str, path: str, status: int) -> None:
    answer = find_route(method, path, ("qwen3-tiny",), Task.GENERATE)
    assert isinstance(answer, ErrorAnswer)
    assert answer.status == status


@pytest.mark.parametrize(
    ("served", "target"),
    [("Qwen/Qwen3-8B", b"/v1/models/Qwen/Qwen3-8B"), ("odd?name=1", b"/v1/models/odd%3Fname%3D1")],
)
def test_the_engine_gets_the_served_name_as_one_path(served: str, target: bytes) -> None:
    route = find_route("GET", f"/v1/models/{served}", (served,), Task.GENERATE)
    assert isinstance(route, Route)
    assert route.target == target


def test_prompts_are_counted_only_where_the_engine_can_and_are_no_work() -> None:
    assert isinstance(find_route("POST", TOKENIZE, ("qwen3-tiny",), Task.GENERATE), ErrorAnswer)
    assert isinstance(find_route("POST", TOKENIZE, ("qwen3-tiny",), Task.EMBED, tokenizes=True), ErrorAnswer)
    assert isinstance(find_route("GET", TOKENIZE, ("qwen3-tiny",), Task.GENERATE, tokenizes=True), ErrorAnswer)
    route = find_route("POST", TOKENIZE, ("qwen3-tiny",), Task.GENERATE, tokenizes=True)
    assert isinstance(route, Route)
    assert not route.is_work


@pytest.mark.parametrize("task", Task)
def test_each_task_answers_its_own_paths_only(task: Task) -> None:
    for other, paths in PATHS.items():
        for path in paths:
            route = find_route("POST", path, ("qwen3-tiny",), task)
            if other is task:
                assert isinstance(route, Route)
            else:
                assert isinstance(route, ErrorAnswer)
                assert f"but {PATHS[task][0]}" in route.message


PIXEL = "data:image/png;base64,AAAA"
OUTSIDE = ["http://10.0.0.1/latest/meta-data", "https://example.com/a.png", "file:///etc/passwd", "/etc/passwd.png", 7]


@pytest.mark.parametrize("address", OUTSIDE)
@pytest.mark.parametrize("kind", ["image_url", "video_url", "audio_url"])
@pytest.mark.parametrize("form", ["object", "plain"])
def test_addresses_of_media_are_refused(address: object, kind: str, form: str) -> None:
    part = {"type": kind, kind: {"url": address} if form == "object" else address}
    content = [{"type": "text", "text": "What is this?"}, part]
    for body in (
        {"model": "qwen3-tiny", "messages": [{"role": "user", "content": content}]},
        {"model": "qwen3-tiny", "query": content, "documents": ["a"]},
        {"model": "qwen3-tiny", "query": "a", "documents": ["b", content]},
    ):
        answer = answer_to(json.dumps(body).encode())
        assert (answer.status, answer.param) == (400, kind)


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_embedded_images_are_refused(address: object) -> None:
    answer = answer_to(json.dumps({"model": "qwen3-tiny", "input": [{"text": "a", "image": address}]}).encode())
    assert answer.param == "image"


def test_media_inside_the_request_pass() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    for body in (
        {"messages": [{"role": "user", "content": content}]},
        {"input": [{"text": "a", "image": PIXEL}, {"text": "b", "image": None}]},
        {"input": ["a", "http://example.com is a text"]},
        {"query": content, "documents": [content, "a"]},
    ):
        request = {"model": "qwen3-tiny", **body}
        assert read_request(json.dumps(request).encode(), ("qwen3-tiny",)) == request


@pytest.mark.parametrize("messages", [None, "Hello", [], {}, ["Hello"], 3])
def test_messages_that_are_none_are_refused_by_name(messages: Any) -> None:
    """transformers would answer 500."""
    refusal = check_messages({"model": "qwen3-tiny", "messages": messages})
    assert refusal is not None
    assert (refusal.status, refusal.param) == (400, "messages")
    assert check_messages(CHAT) is None
