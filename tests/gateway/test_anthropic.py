"""Anthropic's API as its own client speaks it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from qwen3_runtime.tenancy import TenantLimits
from tests.gateway.conftest import OTHERS
from tests.gateway.processes import MODEL, GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import call, wish
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WEATHER = {"name": "weather", "description": "Of a town", "input_schema": {"type": "object", "properties": {}}}
TOWN = {"name": "weather", "arguments": {"town": "Köln"}}

_UNCOUNTED = {"metadata": {"user_id": wish(counts=False)}}


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=key_of("a"), max_retries=0) as found:
        yield found


def asked(content: Any = "Hello", wanted: str = "", **fields: Any) -> Any:
    user = {"metadata": {"user_id": wanted}} if wanted else {}
    return {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": content}]} | user | fields


def reached(client: anthropic.Anthropic, **fields: Any) -> dict[str, Any]:
    """The request as the replica got it."""
    answer = client.messages.create(**asked(wanted=wish(echo=True), **fields))
    (block,) = answer.content
    assert isinstance(block, anthropic.types.TextBlock)
    found: dict[str, Any] = json.loads(block.text)
    return found


def test_a_message(client: anthropic.Anthropic, gateway: GatewayProcess) -> None:
    before = gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer")
    answer = client.messages.create(**asked())
    assert [block.type for block in answer.content] == ["text"]
    assert (answer.model, answer.role, answer.stop_reason) == (MODEL, "assistant", "max_tokens")
    assert (answer.usage.output_tokens, answer.usage.input_tokens > 0) == (5, True)
    assert gateway.metric("qwen3_gateway_tokens_total", tenant="a", kind="answer") - before == 5


def test_a_stream(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**asked(wanted=wish(thought="Let me see"))) as stream:
        texts = list(stream.text_stream)
        answer = stream.get_final_message()
    assert texts == ["word "] * 5
    thought, text = answer.content
    assert isinstance(thought, anthropic.types.ThinkingBlock)
    assert thought.thinking == "Let me see"
    assert text.type == "text"
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 5)
    assert answer.usage.input_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(client: anthropic.Anthropic, stream: bool) -> None:  # noqa: FBT001 - a case
    fields = asked(wanted=wish(tool=TOWN), tools=[WEATHER])
    if stream:
        with client.messages.stream(**fields) as events:
            answer = events.get_final_message()
    else:
        answer = client.messages.create(**fields)
    tool = answer.content[-1]
    assert isinstance(tool, anthropic.types.ToolUseBlock)
    assert (tool.id, tool.name, tool.input) == ("call_x", "weather", {"town": "Köln"})
    assert answer.stop_reason == "tool_use"


def test_a_conversation_reaches_the_replica(client: anthropic.Anthropic) -> None:
    messages: Any = [
        {"role": "user", "content": [{"type": "text", "text": "How is"}, {"type": "text", "text": "Köln?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I must look", "signature": ""},
                {"type": "text", "text": "A moment."},
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"town": "Köln"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "rain"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            ],
        },
    ]
    sent = reached(
        client,
        messages=messages,
        system="Be kind.",
        tools=[WEATHER],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        stop_sequences=["END"],
    )
    arguments = json.dumps({"town": "Köln"})
    function = {"name": "weather", "arguments": arguments}
    assert sent["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "How is\nKöln?"},
        {
            "role": "assistant",
            "content": "A moment.",
            "reasoning_content": "I must look",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    ]
    assert sent["tools"][0]["function"]["parameters"] == WEATHER["input_schema"]
    assert (sent["tool_choice"], sent["parallel_tool_calls"], sent["stop"]) == ("required", False, ["END"])
    assert sent["max_tokens"] == 5


def test_thinking_is_asked_for_in_the_replicas_words(client: anthropic.Anthropic) -> None:
    on = reached(client, thinking={"type": "enabled", "budget_tokens": 1024})
    # The route takes no budgets.
    assert (on["enable_thinking"], "thinking_budget" in on) == (True, False)
    assert reached(client, thinking={"type": "disabled"})["enable_thinking"] is False
    assert "enable_thinking" not in reached(client)


def test_a_beginning_is_continued(client: anthropic.Anthropic) -> None:
    messages: Any = [{"role": "user", "content": "Count"}, {"role": "assistant", "content": "One,"}]
    assert reached(client, messages=messages)["continue_final_message"] is True


def test_tokens_are_counted_by_the_replica_and_count_as_a_request(
    client: anthropic.Anthropic, gateway: GatewayProcess, stub: Stub
) -> None:
    before, asked_before = stub.totals()["requests"], gateway.metric("qwen3_gateway_requests_total", model=MODEL)
    found = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "word " * 123}])
    assert found.input_tokens == 123
    assert stub.totals()["requests"] == before, "nothing is generated"
    until(lambda: gateway.metric("qwen3_gateway_requests_total", model=MODEL) == asked_before + 1)


def test_counting_has_the_limits_of_requests(stub: Stub, tmp_path: Path) -> None:
    limited = make_tenant("a", limits=TenantLimits(requests_per_minute=2))
    gateway = GatewayProcess(tmp_path, [limited], [make_route([stub.endpoint()])])
    try:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "word"}]}
        answers = [call(gateway.url, path="/v1/messages/count_tokens", body=body) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[0].headers["x-ratelimit-remaining-requests"] == "1"
    finally:
        gateway.kill()


def test_tokens_are_estimated_where_no_replica_counts(client: anthropic.Anthropic) -> None:
    short, long = (
        client.messages.count_tokens(
            model=MODEL, messages=[{"role": "user", "content": "word " * words}], extra_body=_UNCOUNTED
        )
        for words in (10, 1000)
    )
    assert 0 < short.input_tokens < long.input_tokens
    counted = client.messages.create(**asked("word " * 1000)).usage.input_tokens
    assert long.input_tokens == pytest.approx(counted, rel=0.5)


def test_images_are_not_words(client: anthropic.Anthropic) -> None:
    source: Any = {"type": "base64", "media_type": "image/png", "data": "A" * 10_000}
    content: Any = [{"type": "text", "text": "word"}, {"type": "image", "source": source}]
    found = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": content}])
    assert found.input_tokens > 100


def test_errors_have_anthropics_shape(client: anthropic.Anthropic, gateway: GatewayProcess) -> None:
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.messages.create(**asked(model=OTHERS))
    assert missing.value.body == {
        "type": "error",
        "error": {
            "type": "not_found_error",
            "message": f"The model `{OTHERS}` does not exist or you do not have access to it.",
        },
    }
    with pytest.raises(anthropic.BadRequestError, match="as you wished"):
        client.messages.create(**asked(wanted=wish(status=400)))
    with pytest.raises(anthropic.BadRequestError, match="`web_search_20250305` runs at Anthropic"):
        client.messages.create(**asked(tools=[{"type": "web_search_20250305", "name": "web_search"}]))
    with pytest.raises(anthropic.BadRequestError, match="documented form"):
        client.messages.create(**asked([{"text": "Hello"}]))
    wrong = anthropic.Anthropic(base_url=gateway.url, api_key="wrong", max_retries=0)
    with wrong, pytest.raises(anthropic.AuthenticationError, match="not valid"):
        wrong.messages.create(**asked())
    assert call(gateway.url, "GET", "/v1/messages").json["error"]["type"] == "invalid_request_error"


def test_a_stream_that_breaks_ends_with_an_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    stub = Stub(tmp_path_factory.mktemp("stub"))
    gateway = GatewayProcess(tmp_path_factory.mktemp("g"), [make_tenant("a")], [make_route([stub.endpoint()])])
    try:
        with (
            anthropic.Anthropic(base_url=gateway.url, api_key=key_of("a"), max_retries=0) as client,
            client.messages.stream(**asked(wanted=wish(die_after=2))) as stream,
            pytest.raises(anthropic.APIStatusError, match="failed while it worked"),
        ):
            stream.until_done()
    finally:
        gateway.kill()
        stub.kill()
