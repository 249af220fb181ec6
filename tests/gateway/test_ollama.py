"""Ollama's API as its own client speaks it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import ollama
import pytest

from tests.gateway.conftest import EMBED, OTHERS
from tests.gateway.processes import MODEL, GatewayProcess, Stub, key_of
from tests.gateway.raw import call, wish

if TYPE_CHECKING:
    from collections.abc import Iterator

WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
FIVE = {"num_predict": 5}


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[ollama.Client]:
    with ollama.Client(gateway.url, headers={"Authorization": f"Bearer {key_of('a')}"}) as found:
        yield found


def user(content: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def reached(client: ollama.Client, **fields: Any) -> dict[str, Any]:
    """The request as the replica got it."""
    messages = [*fields.pop("messages", []), *user(wish(echo=True))]
    found: dict[str, Any] = json.loads(client.chat(MODEL, messages, **fields).message.content or "")
    return found


def test_a_chat(client: ollama.Client, gateway: GatewayProcess) -> None:
    before = gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer")
    answer = client.chat(MODEL, user("Hello"), options=FIVE)
    assert (answer.model, answer.message.content, answer.done_reason) == (MODEL, "word " * 5, "length")
    assert answer.eval_count == 5
    assert (answer.prompt_eval_count or 0) > 0
    assert gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer") - before == 5


def test_a_stream(client: ollama.Client) -> None:
    parts = list(client.chat(MODEL, user(wish(thought="Let me see")), stream=True, options=FIVE))
    assert parts[0].message.thinking == "Let me see"
    assert "".join(part.message.content or "" for part in parts) == "word " * 5
    assert [part.done for part in parts] == [False] * 6 + [True]
    assert (parts[-1].done_reason, parts[-1].eval_count) == ("length", 5)
    assert (parts[-1].total_duration or 0) > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(client: ollama.Client, stream: bool) -> None:  # noqa: FBT001 - a case
    messages = user(wish(tool={"name": "weather", "arguments": {"town": "Köln"}}))
    answers: Any = client.chat(MODEL, messages, tools=[WEATHER], stream=stream)  # type: ignore[call-overload]
    calls = [one for part in (answers if stream else [answers]) for one in part.message.tool_calls or ()]
    assert [(one.function.name, one.function.arguments) for one in calls] == [("weather", {"town": "Köln"})]


def test_generate(client: ollama.Client) -> None:
    assert client.generate(MODEL, "Hello", options=FIVE).response == "word " * 5
    parts = list(client.generate(MODEL, "Hello", stream=True, options=FIVE))
    assert "".join(part.response or "" for part in parts) == "word " * 5
    assert parts[-1].done
    echoed = client.generate(MODEL, wish(echo=True), system="Be kind.", think=False).response or ""
    sent = json.loads(echoed)
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent["enable_thinking"] is False


def test_streaming_is_the_default(gateway: GatewayProcess) -> None:
    body = json.dumps({"model": MODEL, "messages": user("Hello")}).encode()
    answer = call(gateway.url, path="/api/chat", body=body)
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert lines[-1]["done"] is True
    assert len(lines) > 2


def test_a_conversation_and_options_reach_the_replica(client: ollama.Client) -> None:
    sent = reached(
        client,
        messages=[
            {
                "role": "assistant",
                "thinking": "I must look",
                "content": "",
                "tool_calls": [{"function": {"name": "weather", "arguments": {"town": "Bonn"}}}],
            },
            {"role": "tool", "tool_name": "weather", "content": "rain"},
            {"role": "user", "content": "And this?", "images": ["AAAA"]},
        ],
        options={"temperature": 0.5, "repeat_penalty": 1.1, "num_ctx": 9, "stop": ["END"]},
        format={"type": "object"},
        think="low",
    )
    assistant, tool, picture, _ = sent["messages"]
    assert assistant["reasoning_content"] == "I must look"
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"]
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"town": "Bonn"}
    assert picture["content"][0] == {"type": "image_url", "image_url": {"url": "data:image;base64,AAAA"}}
    assert (sent["temperature"], sent["repetition_penalty"], sent["stop"]) == (0.5, 1.1, ["END"])
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert sent["reasoning_effort"] == "low"
    assert "num_ctx" not in sent


def test_models_are_listed_and_shown(client: ollama.Client, gateway: GatewayProcess) -> None:
    assert [model.model for model in client.list().models] == [MODEL, EMBED]
    shown = client.show(MODEL)
    assert shown.modelinfo == {"general.architecture": "qwen3", "qwen3.context_length": 4096}
    assert shown.capabilities == ["completion", "tools"]
    assert call(gateway.url, "GET", "/api/version").json["version"]


def test_errors_have_ollamas_shape(client: ollama.Client, gateway: GatewayProcess) -> None:
    with pytest.raises(ollama.ResponseError, match="does not exist") as missing:
        client.chat(OTHERS, user("Hello"))
    assert missing.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="does not exist"):
        client.show(OTHERS)
    with pytest.raises(ollama.ResponseError, match="`raw` is not offered here"):
        client.generate(MODEL, "Hello", raw=True)
    with pytest.raises(ollama.ResponseError, match="as you wished"):
        client.chat(MODEL, user(wish(status=400)))
    assert call(gateway.url, path="/api/chat", tenant=None).json == {
        "error": "There is no API key in the request, or more than one. "
        "Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`."
    }


def test_a_model_is_loaded_without_a_word(client: ollama.Client, stub: Stub) -> None:
    before = stub.totals()["requests"]
    loaded = client.generate(MODEL)
    assert (loaded.done, loaded.done_reason, loaded.response) == (True, "load", "")
    assert client.chat(MODEL).done_reason == "load"
    with pytest.raises(ollama.ResponseError, match="does not exist"):
        client.generate(OTHERS)
    assert stub.totals()["requests"] == before


def test_what_the_command_line_says_in_its_own_way(gateway: GatewayProcess) -> None:
    there = call(gateway.url, "HEAD", "/")
    assert (there.status, there.body) == (200, b"")
    assert call(gateway.url, "HEAD", "/", tenant=None).status == 401
    named = call(gateway.url, path="/api/show", body={"model": "", "name": MODEL}).json
    assert named == call(gateway.url, path="/api/show", body={"model": MODEL}).json
    assert call(gateway.url, path="/api/show", body={"name": OTHERS}).status == 404
