"""What every engine must do in the same way through the pod's port."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from qwen3_runtime.engine_metrics import GENERATED_TOKENS, REQUESTS_RUNNING
from qwen3_runtime.engines import ADAPTERS
from tests.engine.pod import MODEL, Pod
from tests.patience import until

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

    from qwen3_runtime.engine_metrics import EngineMetric
    from tests.conformance.environments import Environment, InImage

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
# Several bytes per character, several tokens per character, marks that belong to the one before.
SCRIPTS = (
    "你好世界",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "Привет, мир",
    "שלום עולם",
    "안녕하세요",
    "ආයුබෝවන්",
    "e\u0301 n\u0303 a\u0308\u0323",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇨🇳",
    "𒀀𒁀 𐍈",
)


def metric(pod: Pod, name: str) -> float:
    text = pod.manage("/metrics")[1].decode()
    values = [s.value for family in text_string_to_metric_families(text) for s in family.samples if s.name == name]
    assert len(values) == 1, f"{name}: {values}"
    return values[0]


def refused(pod: Pod, environment: Environment | InImage, body: dict[str, Any], field: str) -> bool:
    """Whether the engine does not carry out a field of the request; then the pod has to say so, and why."""
    missing = ADAPTERS[environment.engine].unsupported.get(field)
    if missing is None:
        return False
    answer = httpx.post(f"{pod.url}/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == HTTPStatus.NOT_IMPLEMENTED
    assert answer.json()["error"]["param"] == field
    assert missing.reason in answer.json()["error"]["message"]
    return True


def counts(pod: Pod, environment: Environment | InImage, name: EngineMetric) -> bool:
    """Whether the engine says anything of a metric; else it has to be absent rather than 0."""
    if name in ADAPTERS[environment.engine].metrics:
        return True
    assert name.name not in pod.manage("/metrics")[1].decode()
    return False


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]


def test_thinking_is_split_from_the_answer(client: openai.OpenAI, environment: Environment | InImage) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, max_tokens=100)
    message = answer.choices[0].message
    assert message.content
    assert "Qwen3-Tiny" in message.content
    assert "<think>" not in message.content
    assert message.model_extra
    assert "greets" in message.model_extra[environment.thought]
    assert answer.choices[0].finish_reason == "stop"


def test_thinking_off(client: openai.OpenAI, environment: Environment | InImage) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=HELLO, temperature=0, max_tokens=100, extra_body=NO_THINKING
    )
    assert "Qwen3-Tiny" in (answer.choices[0].message.content or "")
    assert not (answer.choices[0].message.model_extra or {}).get(environment.thought)


def test_stream_says_the_same_and_ends_with_its_usage(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "temperature": 0, "max_tokens": 100}
    whole = client.chat.completions.create(**asked, extra_body=NO_THINKING)
    chunks = list(
        client.chat.completions.create(
            **asked, stream=True, stream_options={"include_usage": True}, extra_body=NO_THINKING
        )
    )
    choices = [choice for chunk in chunks for choice in chunk.choices]
    # Line ends before the first word are left in by some engines, in one of the two forms.
    streamed = "".join(choice.delta.content or "" for choice in choices)
    assert streamed.strip() == (whole.choices[0].message.content or "").strip()
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].usage
    assert whole.usage
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


def test_length(client: openai.OpenAI) -> None:
    cut = client.chat.completions.create(
        model=MODEL, messages=HELLO, temperature=0, max_tokens=3, extra_body=NO_THINKING
    )
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage
    assert cut.usage.completion_tokens == 3


def test_stop(pod: Pod, environment: Environment | InImage) -> None:
    body = {"model": MODEL, "messages": HELLO, "temperature": 0, "max_tokens": 100, "stop": ["Qwen3"], **NO_THINKING}
    if refused(pod, environment, body, "stop"):
        return
    answer = httpx.post(f"{pod.url}/v1/chat/completions", json=body, timeout=200).raise_for_status().json()
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["choices"][0]["message"]["content"].strip() == "Hello! I am"


def test_tool_call(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER],
        temperature=0,
        max_tokens=100,
        extra_body=NO_THINKING,
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls
    assert calls
    assert calls[0].type == "function"
    assert calls[0].function.name == "get_weather"
    assert json.loads(calls[0].function.arguments) == {"city": "Paris"}


def test_json_schema(pod: Pod, environment: Environment | InImage) -> None:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Describe a person as JSON."}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}},
        "temperature": 0,
        "max_tokens": 60,
        **NO_THINKING,
    }
    if refused(pod, environment, body, "response_format"):
        return
    answer = httpx.post(f"{pod.url}/v1/chat/completions", json=body, timeout=200).raise_for_status().json()
    person = json.loads(answer["choices"][0]["message"]["content"])
    assert set(person) == {"name", "age"}


def test_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="other", messages=HELLO)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages="Hello")  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["max_tokens", "temperature"])
def test_what_the_engine_refuses_comes_in_openai_s_form(pod: Pod, field: str) -> None:
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 1, field: {"no": "value"}}
    answer = httpx.post(f"{pod.url}/v1/chat/completions", json=body, timeout=200)
    assert answer.is_error, answer.text
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    # transformers serve fails over what it cannot read.
    assert error["type"] == ("invalid_request_error" if answer.is_client_error else "server_error")
    assert error["message"]
    assert "/site-packages/" not in answer.text


def test_metrics_count_what_was_generated(pod: Pod, client: openai.OpenAI, environment: Environment | InImage) -> None:
    if not counts(pod, environment, GENERATED_TOKENS):
        return
    before = metric(pod, GENERATED_TOKENS.name)
    client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=5, extra_body=NO_THINKING)
    until(lambda: metric(pod, GENERATED_TOKENS.name) == before + 5)


async def test_a_client_that_leaves_frees_the_engine(pod: Pod, environment: Environment | InImage) -> None:
    body = {"model": MODEL, "messages": HELLO, "stream": True, "max_tokens": 3000, "ignore_eos": True}
    async with aiohttp.ClientSession() as session, session.post(f"{pod.url}/v1/chat/completions", json=body) as answer:
        await answer.content.readany()
    if not counts(pod, environment, REQUESTS_RUNNING):
        return
    await asyncio.to_thread(until, lambda: metric(pod, REQUESTS_RUNNING.name) == 0)


@pytest.mark.parametrize("text", SCRIPTS)
async def test_no_character_is_cut_between_chunks(pod: Pod, environment: Environment | InImage, text: str) -> None:
    """A schema with one permitted value makes the engine write any text, token by token."""
    schema = {"type": "object", "properties": {"t": {"const": text}}, "required": ["t"], "additionalProperties": False}
    body = {
        "model": MODEL,
        "messages": HELLO,
        "temperature": 0,
        "stream": True,
        "max_tokens": 200,
        "response_format": {"type": "json_schema", "json_schema": {"name": "t", "schema": schema, "strict": True}},
        **NO_THINKING,
    }
    if refused(pod, environment, body, "response_format"):
        return
    said = ""
    async with aiohttp.ClientSession() as session, session.post(f"{pod.url}/v1/chat/completions", json=body) as answer:
        assert answer.status == 200
        async for line in answer.content:
            if line.startswith(b"data: {"):
                for choice in json.loads(line[6:].decode())["choices"]:
                    piece = choice["delta"].get("content") or ""
                    assert "\ufffd" not in piece
                    said += piece
    assert json.loads(said) == {"t": text}
