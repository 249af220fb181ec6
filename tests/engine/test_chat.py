"""Chats through the runtime with the real engine and the official client."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from qwen3_runtime.engine_metrics import ENGINE_METRICS, Kind
from qwen3_runtime.engines.adapters.sglang import SGLang
from tests.engine.pod import MODEL, Pod
from tests.patience import until

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def test_thinking_is_split_from_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, max_tokens=200)
    message = answer.choices[0].message
    assert message.content
    assert message.content.strip()
    assert "<think>" not in message.content
    assert message.model_extra
    assert message.model_extra["reasoning_content"].strip()
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.completion_tokens > 5


@pytest.mark.parametrize("body", [{}, NO_THINKING, {"tools": [WEATHER]}])
def test_a_prompt_is_counted_to_the_token(client: openai.OpenAI, body: dict[str, Any]) -> None:
    asked = {"model": MODEL, "messages": HELLO, **body}
    counted: Any = client.post("/tokenize", cast_to=object, body=asked)
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=1, extra_body=body)
    assert answer.usage
    assert counted["count"] == answer.usage.prompt_tokens


def test_thinking_off(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=HELLO, temperature=0, max_tokens=200, extra_body=NO_THINKING
    )
    message = answer.choices[0].message
    assert message.content
    assert message.content.strip()
    assert not (message.model_extra or {}).get("reasoning_content")


def test_stream_says_the_same_in_many_pieces(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, max_tokens=200)
    pieces: list[str] = []
    reasons: list[str] = []
    with client.chat.completions.create(
        model=MODEL, messages=HELLO, temperature=0, max_tokens=200, stream=True
    ) as stream:
        for chunk in stream:
            for choice in chunk.choices:
                pieces.append(choice.delta.content or "")
                if choice.finish_reason:
                    reasons.append(choice.finish_reason)
    assert "".join(pieces) == whole.choices[0].message.content
    assert len([piece for piece in pieces if piece]) > 2
    assert reasons == ["stop"]


def test_tool_call(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[WEATHER], temperature=0, max_tokens=200, extra_body=NO_THINKING
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls
    assert calls
    assert calls[0].type == "function"
    assert calls[0].function.name == "get_weather"
    assert "city" in json.loads(calls[0].function.arguments)


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=MODEL, prompt="Hello", max_tokens=3, temperature=0)
    assert answer.usage
    assert answer.usage.completion_tokens <= 3


def test_models_are_the_engines_own(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4", messages=HELLO)
    assert caught.value.code == "model_not_found"
    assert MODEL in caught.value.message


def test_field_that_runs_code_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=HELLO, extra_body={"custom_logit_processor": "x"})
    assert caught.value.param == "custom_logit_processor"


def test_the_engines_own_refusals_pass_through(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=HELLO, temperature=-1)
    assert "temperature" in caught.value.message


async def test_client_that_leaves_frees_the_engine(pod: Pod) -> None:
    before = pod.sglang_metric("num_aborted_requests_total")
    body: dict[str, Any] = {
        "model": MODEL,
        "messages": HELLO,
        "stream": True,
        "max_tokens": 3000,
        "ignore_eos": True,
    }
    async with aiohttp.ClientSession() as session, session.post(f"{pod.url}/v1/chat/completions", json=body) as answer:
        await answer.content.readany()
    until(lambda: pod.sglang_metric("num_aborted_requests_total") == before + 1)


async def test_client_that_leaves_before_a_whole_answer_frees_the_engine(pod: Pod) -> None:
    before = pod.sglang_metric("num_aborted_requests_total")
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 3000, "ignore_eos": True}
    async with aiohttp.ClientSession() as session:
        asked = asyncio.create_task(session.post(f"{pod.url}/v1/chat/completions", json=body))
        await asyncio.to_thread(until, lambda: pod.sglang_metric("num_running_reqs") > 0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    until(lambda: pod.sglang_metric("num_aborted_requests_total") == before + 1)


def test_probes_and_phases(pod: Pod) -> None:
    assert pod.manage("/livez")[0] == 200
    assert pod.manage("/readyz")[0] == 200
    history = [record.phase for record in pod.report().history]
    assert history == ["CheckingWeights", "StartingEngine", "WarmingUp", "Ready"]


def test_metrics_of_both(pod: Pod, client: openai.OpenAI) -> None:
    client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=2)
    text = pod.manage("/metrics")[1].decode()
    assert 'qwen3_runtime_requests_total{code="200",path="/v1/chat/completions"}' in text
    assert 'qwen3_runtime_phase_seconds{phase="StartingEngine"}' in text
    assert "sglang:num_running_reqs{" in text
    assert "sglang:time_to_first_token_seconds_bucket{" in text


def test_neutral_metrics_say_what_the_engines_own_say(pod: Pod, client: openai.OpenAI) -> None:
    for _ in range(2):  # the second finds its prompt in the cache
        client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=2)
    text = pod.manage("/metrics")[1].decode()
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    missing = [metric.name for metric in ENGINE_METRICS if metric.name.removesuffix("_total") not in found]
    assert not missing
    for metric, source in SGLang().metrics.items():
        neutral, own = (found[name.removesuffix("_total")] for name in (metric.name, source.name))
        if metric.kind is Kind.COUNTER:
            assert neutral[0].value == sum(sample.value for sample in own if sample.name == source.name)


async def test_whole_answers_are_the_engines_bytes(pod: Pod) -> None:
    """A greedy request, asked through the runtime and of the engine itself: the same but for id and time."""
    body = {"model": MODEL, "messages": HELLO, "temperature": 0, "max_tokens": 60}
    await _ask(pod.url, body)  # the prefix is cached from now on, so that usage is the same
    headers, direct = await _ask(pod.engine_url, body)
    assert await _ask(pod.url, body) == (headers, direct)
    assert len(direct) > 300


async def test_streams_are_the_engines_events(pod: Pod) -> None:
    """The engine cuts a text into events as its load has it, so what they say is compared, and their form."""
    body = {
        "model": MODEL,
        "messages": HELLO,
        "temperature": 0,
        "max_tokens": 60,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    await _ask(pod.url, body)
    direct_headers, direct = await _ask(pod.engine_url, body)
    through_headers, through = await _ask(pod.url, body)
    assert through_headers == direct_headers
    assert _said(through) == _said(direct)


async def _ask(base: str, body: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """Headers and body; ids, times and the length that depends on them are taken out."""
    async with aiohttp.ClientSession() as session, session.post(f"{base}/v1/chat/completions", json=body) as answer:
        assert answer.status == 200
        headers = {key.lower(): value for key, value in answer.headers.items()}
        for name in ("date", "content-length"):
            headers.pop(name, None)
        return headers, re.sub(rb'"(id|created)":("[^"]*"|[0-9]+),', b"", await answer.read())


def _said(stream: bytes) -> tuple[dict[str, str], set[tuple[str, ...]], list[str]]:
    """All text by field, the fields that events have, and the last two events as they are."""
    *events, end = stream.decode().split("\n\n")
    assert end == ""
    texts: dict[str, str] = {}
    fields: set[tuple[str, ...]] = set()
    for event in events[:-1]:
        chunk = json.loads(event.removeprefix("data: "))
        fields.add(tuple(chunk))
        for choice in chunk["choices"]:
            fields.add(tuple(choice))
            for name in ("content", "reasoning_content"):
                texts[name] = texts.get(name, "") + (choice["delta"].get(name) or "")
    return texts, fields, events[-2:]
