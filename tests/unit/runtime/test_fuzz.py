"""Whatever a client sends: an answer in OpenAI's form or a request for the engine, never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_runtime.config import Task, ThinkingMode
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.prepare import Prepared, Served, prepare, served
from qwen3_runtime.server.refused import REFUSED_FIELDS
from qwen3_runtime.server.routes import PATHS, Route, find_route
from tests.unit.runtime.conftest import make_config

ADAPTER = SGLang()
RULES = [
    served(make_config(task=task, thinking_mode=mode, max_thinking_tokens=most), ADAPTER)
    for task in Task
    for mode in ThinkingMode
    for most in (None, 100)
]
FIELDS = (
    *("messages", "input", "query", "documents", "stream", "stream_options", "chat_template_kwargs", "reasoning"),
    *("reasoning_effort", "enable_thinking", "thinking_budget", "continue_final_message", "temperature", "top_p"),
    *REFUSED_FIELDS,
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.text() | st.sampled_from(
    ["content", "type", "image_url", "url", "enable_thinking", "include_usage", "effort", "chat_template"]
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
REQUESTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(), JSON, max_size=6)
MODELS = st.just("qwen3-tiny") | JSON


def judged(body: bytes, rules: Served, path: str) -> Prepared | ErrorAnswer:
    """What becomes of a body; either way it is something that can be sent."""
    answer = prepare(body, Route(path, has_body=True), rules)
    if isinstance(answer, ErrorAnswer):
        assert 400 <= answer.status < 500
        assert json.loads(answer.body())["error"]["message"]
    else:
        assert isinstance(json.loads(answer.body), dict)
    return answer


@given(rules=st.sampled_from(RULES), request=REQUESTS, model=MODELS, data=st.data())
def test_any_fields(rules: Served, request: dict[str, Any], model: object, data: st.DataObject) -> None:
    body = json.dumps({"model": model} | request).encode()
    answer = judged(body, rules, data.draw(st.sampled_from(PATHS[rules.task])))
    if isinstance(answer, Prepared):
        reaches = json.loads(answer.body)
        assert not {name for name in REFUSED_FIELDS if reaches.get(name) and name != "custom_params"}
        assert reaches.get("custom_params") is None or reaches["custom_params"].keys() == {"thinking_budget"}


@given(rules=st.sampled_from(RULES), body=st.binary() | st.text().map(str.encode), data=st.data())
def test_any_bytes(rules: Served, body: bytes, data: st.DataObject) -> None:
    judged(body, rules, data.draw(st.sampled_from(PATHS[rules.task])))


@pytest.mark.parametrize("depth", [100, 900, 950, 980, 1000, 100_000])
@pytest.mark.parametrize("extra", ["", '"thinking_budget":5,', '"chat_template_kwargs":{"a":1},'])
def test_any_depth(depth: int, extra: str) -> None:
    body = f'{{"model":"qwen3-tiny",{extra}"messages":{"[" * depth}{"]" * depth}}}'
    for rules in RULES:
        if rules.task is Task.GENERATE:
            judged(body.encode(), rules, PATHS[Task.GENERATE][0])


@given(method=st.text() | st.sampled_from(["GET", "POST"]), path=st.text(), task=st.sampled_from(list(Task)))
def test_any_path(method: str, path: str, task: Task) -> None:
    found = find_route(method, "/" + path, ("qwen3-tiny",), task)
    if isinstance(found, ErrorAnswer):
        assert found.status in {404, 405}
        assert json.loads(found.body())["error"]["message"]
