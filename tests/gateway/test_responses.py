"""OpenAI's Responses API as its own client speaks it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.gateway.conftest import OTHERS
from tests.gateway.processes import MODEL, GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import call, wish
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATH = "/v1/responses"
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "Of a town",
    "parameters": {"type": "object", "properties": {}},
    "strict": True,
}
TOWN = {"name": "weather", "arguments": {"town": "Köln"}}


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key_of("a"), max_retries=0) as found:
        yield found


def asked(wanted: str = "", **fields: Any) -> Any:
    return {"model": MODEL, "input": "Hello", "max_output_tokens": 5} | ({"user": wanted} if wanted else {}) | fields


def reached(client: openai.OpenAI, **fields: Any) -> dict[str, Any]:
    """The request as the replica got it."""
    found: dict[str, Any] = json.loads(client.responses.create(**asked(wish(echo=True), **fields)).output_text)
    return found


def test_a_response_is_answered_counted_and_settled(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    before = {
        kind: gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind=kind) for kind in ("answer", "prompt")
    }
    found = client.responses.create(**asked(wish(thought="Let me see")))
    assert [item.type for item in found.output] == ["reasoning", "message"]
    assert found.output_text == "word " * 5
    assert (found.status, found.model, found.object) == ("incomplete", MODEL, "response")
    assert found.incomplete_details
    assert found.incomplete_details.reason == "max_output_tokens"
    assert found.usage
    assert (found.usage.output_tokens, found.usage.total_tokens) == (5, found.usage.input_tokens + 5)
    for kind, used in (("answer", 5), ("prompt", found.usage.input_tokens)):
        assert gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind=kind) - before[kind] == used


def test_a_stream_tells_each_item_and_ends_with_the_whole(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    before = gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer")
    events = list(client.responses.create(**asked(wish(thought="Let me see", tool=TOWN), stream=True, tools=[WEATHER])))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds.count("response.output_text.delta") == 5
    last = events[-1]
    assert last.type == "response.completed"
    assert [item.type for item in last.response.output] == ["reasoning", "message", "function_call"]
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert done == last.response.output, "what was told piece by piece is what the whole says"
    assert len({item.id for item in done}) == 3
    for index, item in enumerate(done):
        own = [event for event in events if getattr(event, "item_id", None) == item.id]
        assert own
        assert {event.output_index for event in own if hasattr(event, "output_index")} == {index}
    assert last.response.usage
    assert last.response.usage.output_tokens == 5
    assert gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer") - before == 5


def test_the_clients_own_gathering_of_a_stream_agrees(client: openai.OpenAI) -> None:
    with client.responses.stream(**asked(wish(thought="Let me see", tool=TOWN), tools=[WEATHER])) as events:
        texts = [event.delta for event in events if event.type == "response.output_text.delta"]
        found = events.get_final_response()
    assert texts == ["word "] * 5
    assert found.output_text == "word " * 5


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(client: openai.OpenAI, stream: bool) -> None:  # noqa: FBT001 - a case
    fields = asked(wish(tool=TOWN), tools=[WEATHER])
    if stream:
        found = list(client.responses.create(**fields, stream=True))[-1].response
    else:
        found = client.responses.create(**fields)
    tool = found.output[-1]
    assert (tool.type, tool.call_id, tool.name) == ("function_call", "call_x", "weather")
    assert json.loads(tool.arguments) == {"town": "Köln"}


def test_a_conversation_reaches_the_replica(client: openai.OpenAI) -> None:
    thought = [{"type": "reasoning_text", "text": "I must look"}]
    said = [{"type": "output_text", "text": "A moment.", "annotations": []}]
    given: Any = [
        {"role": "developer", "content": "And brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "How is Köln?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": thought},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": said},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"town": "Köln"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
        {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
    ]
    sent = reached(
        client,
        input=given,
        instructions="Be kind.",
        tools=[WEATHER],
        tool_choice={"type": "function", "name": "weather"},
        parallel_tool_calls=False,
        reasoning={"effort": "low"},
        text={"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}},
        store=False,
        include=["reasoning.encrypted_content"],
    )
    function = {"name": "weather", "arguments": '{"town": "Köln"}'}
    assert sent["messages"] == [
        {"role": "system", "content": "Be kind.\n\nAnd brief."},
        {"role": "user", "content": "How is Köln?"},
        {
            "role": "assistant",
            "content": "A moment.",
            "reasoning_content": "I must look",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    ]
    nested = {name: WEATHER[name] for name in ("name", "description", "parameters", "strict")}
    assert sent["tools"] == [{"type": "function", "function": nested}]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert (sent["parallel_tool_calls"], sent["reasoning_effort"], sent["max_tokens"]) == (False, "low", 5)
    schema = {"name": "x", "schema": {"type": "object"}, "strict": True}
    assert sent["response_format"] == {"type": "json_schema", "json_schema": schema}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"store": True}, "`store` is not offered here: replicas keep nothing between requests"),
        ({"previous_response_id": "resp_1"}, "`previous_response_id` is not offered here: replicas keep nothing"),
        ({"conversation": "conv_1"}, "send the whole conversation as `input`"),
        ({"background": True}, "`background`"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "replicas keep nothing"),
        ({"tools": [{"type": "web_search"}]}, "The tool `web_search` runs at OpenAI"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "`input_file`"),
        ({"input": 3}, "documented form"),
    ],
)
def test_what_needs_memory_or_openai_is_refused_with_the_reason(
    client: openai.OpenAI, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(**asked(**fields))
    assert words in refused.value.message


def test_nothing_of_a_response_can_be_asked_for_later(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_1")


def test_errors_have_openais_shape(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.create(**asked(model=OTHERS))
    assert missing.value.code == "model_not_found"
    refused = call(gateway.url, path=PATH, body=asked(wish(status=422)))
    assert (refused.status, refused.error["message"]) == (422, "as you wished")
    assert call(gateway.url, path=PATH, body=asked(), tenant=None).error["code"] == "invalid_api_key"


def test_a_stream_that_breaks_ends_with_an_error_and_counts_what_came(tmp_path: Path) -> None:
    stub = Stub(tmp_path)
    gateway = GatewayProcess(tmp_path / "g", [make_tenant("a")], [make_route([stub.endpoint()])])
    try:
        body = asked(wish(die_after=2), stream=True)
        events = call(gateway.url, path=PATH, body=body).body.split(b"\n\n")
        assert events[-2].startswith(b"event: error\n")
        assert json.loads(events[-2].partition(b"data: ")[2])["code"] == "engine_failed"
        assert not any(b"response.completed" in event for event in events)
        until(lambda: gateway.metric("qwen3_gateway_tokens_total", kind="answer") >= 2)
    finally:
        gateway.kill()
        stub.kill()


def test_a_tenants_ceiling_on_thinking_holds(stub: Stub, tmp_path: Path) -> None:
    route = make_route([stub.endpoint()], thinking="Hybrid", max_thinking_tokens=900)
    gateway = GatewayProcess(tmp_path, [make_tenant("a", max_thinking_tokens=100)], [route])
    try:
        answer = call(gateway.url, path=PATH, body=asked(wish(echo=True), reasoning={"effort": "high"}))
        sent = json.loads(answer.json["output"][0]["content"][0]["text"])
        assert (sent["thinking_budget"], sent["reasoning_effort"]) == (100, "high")
    finally:
        gateway.kill()
