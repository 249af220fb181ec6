"""The requests of Open WebUI 0.12.4, as its source writes them, and what it reads of the answers.

Read in `backend/open_webui`: `routers/openai.py` and `routers/ollama.py` (paths, headers, what is taken from answers),
`utils/payload.py` (a chat in either form), `utils/middleware.py` (streams, tools), `routers/tasks.py` (titles) and
`retrieval/utils.py` (embeddings). A connection to OpenAI has the gateway's address with `/v1`, one to Ollama without.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.gateway.conftest import EMBED, OTHERS
from tests.gateway.processes import MODEL, GatewayProcess, key_of
from tests.gateway.raw import Answer, call, wish

HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {key_of('a')}"}
"""`utils/headers.py`, on each request, also on those without a body."""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FUNCTION: dict[str, Any] = {
    "name": "get_weather",
    "description": "Of a town",
    "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
}
TOOLS = [{"type": "function", "function": FUNCTION}]
TOWN = {"town": "Köln"}
CALLED = {"id": "call_x", "index": 0, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
ECHO = {"role": "user", "content": wish(echo=True)}


def ask(gateway: GatewayProcess, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Answer:
    return call(gateway.url, method, path, body, tenant=None, headers=HEADERS)


def reached(gateway: GatewayProcess, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The request as the replica got it; ``body`` asks for it and is no stream."""
    answer = ask(gateway, path, body)
    assert answer.status == 200, answer.body
    message = answer.json["message"] if "message" in answer.json else answer.json["choices"][0]["message"]
    found: dict[str, Any] = json.loads(message["content"])
    return found


def events(answer: Answer) -> list[dict[str, Any]]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    *lines, last = [line for line in answer.body.decode().split("\n") if line.startswith("data: ")]
    assert last == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def lines(answer: Answer) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


def test_openai_models(gateway: GatewayProcess) -> None:
    """`get_all_models_responses` and `verify_connection`."""
    answer = ask(gateway, "/v1/models", method="GET")
    assert answer.status == 200
    assert {one["id"] for one in answer.json["data"]} == {MODEL, EMBED}


def test_an_openai_chat_streams_with_parameters_and_thought(gateway: GatewayProcess) -> None:
    """`apply_model_params_to_body_openai`: parameters, and custom ones beside them; usage where a model asks for it."""
    parameters = {
        "temperature": 0.6,
        "top_p": 0.95,
        "min_p": 0.0,
        "max_tokens": 5,
        "frequency_penalty": 0.0,
        "presence_penalty": 1.5,
        "seed": 7,
        "stop": ["\n\n"],
        "chat_template_kwargs": {"enable_thinking": True},
    }
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": content}]
    body = {
        "stream": True,
        "model": MODEL,
        "messages": messages,
        "stream_options": {"include_usage": True},
    } | parameters
    seen = events(ask(gateway, "/v1/chat/completions", body | {"user": wish(thought="Let me see")}))
    deltas = [one["choices"][0]["delta"] for one in seen if one["choices"]]
    assert "".join(one.get("reasoning_content") or "" for one in deltas) == "Let me see"
    assert "".join(one.get("content") or "" for one in deltas) == "word " * 5
    assert [one["usage"]["completion_tokens"] for one in seen if one.get("usage")] == [5]
    sent = reached(gateway, "/v1/chat/completions", body | {"stream": False, "user": wish(echo=True)})
    assert {name: sent[name] for name in parameters} == parameters
    assert sent["messages"] == messages


def test_an_openai_chat_calls_a_tool_and_tells_what_it_said(gateway: GatewayProcess) -> None:
    """`streaming_chat_response_handler`: pieces of calls by their index; then the whole conversation once more."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "How is it?"}]
    body = {"stream": True, "model": MODEL, "messages": messages, "tools": TOOLS}
    wanted = wish(tool={"name": "get_weather", "arguments": TOWN})
    seen = events(ask(gateway, "/v1/chat/completions", body | {"user": wanted}))
    pieces = [one for event in seen for one in event["choices"][0]["delta"].get("tool_calls") or ()]
    assert {one["index"] for one in pieces} == {0}
    assert (pieces[0]["id"], pieces[0]["function"]["name"]) == ("call_x", "get_weather")
    assert json.loads("".join(one["function"]["arguments"] for one in pieces)) == TOWN
    told = [
        {"role": "assistant", "content": "", "tool_calls": [CALLED], "reasoning_content": "Let me see"},
        {"role": "tool", "tool_call_id": "call_x", "content": "sunny"},
    ]
    body = body | {"stream": False, "messages": messages + told, "user": wish(echo=True)}
    assert reached(gateway, "/v1/chat/completions", body)["messages"] == messages + told


def test_an_openai_title(gateway: GatewayProcess) -> None:
    """`generate_title`: `max_completion_tokens` has become `max_tokens` for all but OpenAI's own models."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Title?"}], "stream": False, "max_tokens": 3}
    answer = ask(gateway, "/v1/chat/completions", body)
    assert answer.json["choices"][0]["message"]["content"] == "word " * 3


def test_openai_responses(gateway: GatewayProcess) -> None:
    """`convert_to_responses_payload`, for a connection whose type is Responses."""
    part = {"type": "input_text", "text": "How is it?"}
    items = [
        {"type": "message", "role": "user", "content": [part]},
        {"type": "function_call", "call_id": "call_x", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_x", "output": "sunny"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny."}]},
        {"type": "message", "role": "user", "content": [part | {"text": "And tomorrow?"}]},
    ]
    tools = [{"type": "function", "strict": False} | FUNCTION]
    body = {"model": MODEL, "stream": True, "input": items, "instructions": "Be kind.", "max_output_tokens": 4}
    answer = ask(gateway, "/v1/responses", body | {"tools": tools})
    seen = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: {")]
    assert "".join(one["delta"] for one in seen if one["type"] == "response.output_text.delta") == "word " * 4
    # As it is told where the answer is as long as it may be.
    assert seen[-1]["type"] == "response.incomplete"
    assert seen[-1]["response"]["usage"]["output_tokens"] == 4


def test_openai_embeddings(gateway: GatewayProcess) -> None:
    """`agenerate_openai_batch_embeddings`."""
    answer = ask(gateway, "/v1/embeddings", {"input": ["one", "two"], "model": EMBED})
    assert [one["embedding"] for one in answer.json["data"]] == [[0.5, 0.25]]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
def test_an_error_is_shown(gateway: GatewayProcess, path: str) -> None:
    """Both routers show `error` of the answer's JSON, in which Ollama's is a text."""
    body = {"model": OTHERS, "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    answer = ask(gateway, path, body)
    assert answer.status == 404
    assert OTHERS in (answer.error if path.startswith("/api") else answer.error["message"])


def test_ollama_version(gateway: GatewayProcess) -> None:
    """`get_ollama_versions` reads numbers between dots."""
    version = ask(gateway, "/api/version", method="GET").json["version"]
    assert [int(part) for part in re.sub(r"^v|-.*", "", version).split(".")]


def test_ollama_models(gateway: GatewayProcess) -> None:
    """`get_all_models`; what is loaded (`/api/ps`) it does without, if the answer is JSON."""
    models = ask(gateway, "/api/tags", method="GET").json["models"]
    assert {(one["model"], one["name"]) for one in models} == {(MODEL, MODEL), (EMBED, EMBED)}
    loaded = ask(gateway, "/api/ps", method="GET")
    assert (loaded.status, "models" in loaded.json) == (404, False)


def test_an_ollama_chat_streams_with_options(gateway: GatewayProcess) -> None:
    """`convert_payload_openai_to_ollama`: parameters under `options`, `think` and `keep_alive` beside them."""
    options = {"temperature": 0.6, "top_p": 0.95, "num_predict": 5, "num_ctx": 8192, "stop": ["\n\n"], "seed": 7}
    body: dict[str, Any] = {"model": MODEL, "stream": True, "options": options, "think": True, "keep_alive": "5m"}
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "What is it?", "images": [PIXEL]},
        {"role": "assistant", "content": "A pixel.", "thinking": "Let me see"},
    ]
    wanted = {"role": "user", "content": wish(thought="Let me see")}
    seen = lines(ask(gateway, "/api/chat", body | {"messages": [*messages, wanted]}))
    assert "".join(one["message"].get("thinking") or "" for one in seen) == "Let me see"
    assert "".join(one["message"]["content"] for one in seen) == "word " * 5
    assert [one["done"] for one in seen][-2:] == [False, True]
    assert {"eval_count", "prompt_eval_count", "total_duration"} <= seen[-1].keys()
    sent = reached(gateway, "/api/chat", body | {"stream": False, "messages": [*messages, ECHO]})
    assert (sent["temperature"], sent["max_tokens"], sent["stop"], sent["seed"]) == (0.6, 5, ["\n\n"], 7)
    assert sent["enable_thinking"] is True
    (image,) = [part["image_url"] for part in sent["messages"][1]["content"] if part["type"] == "image_url"]
    assert image["url"].endswith(PIXEL)


def test_an_ollama_chat_calls_a_tool_and_tells_what_it_said(gateway: GatewayProcess) -> None:
    """`convert_messages_openai_to_ollama`: arguments are an object, and the answer names its call."""
    wanted = {"role": "user", "content": wish(tool={"name": "get_weather", "arguments": TOWN})}
    body: dict[str, Any] = {"model": MODEL, "stream": True, "tools": TOOLS}
    seen = lines(ask(gateway, "/api/chat", body | {"messages": [wanted]}))
    calls = [one["function"] for line in seen for one in line["message"].get("tool_calls") or ()]
    assert [(one["name"], one["arguments"]) for one in calls] == [("get_weather", TOWN)]
    called = {"index": 0, "id": "call_x", "function": {"name": "get_weather", "arguments": TOWN}}
    told = [
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "sunny", "tool_call_id": "call_x"},
    ]
    sent = reached(gateway, "/api/chat", body | {"stream": False, "messages": [wanted, *told, ECHO]})
    assert json.loads(sent["messages"][1]["tool_calls"][0]["function"]["arguments"]) == TOWN
    assert sent["messages"][2]["tool_call_id"] == sent["messages"][1]["tool_calls"][0]["id"]
    assert sent["messages"][2]["content"] == "sunny"


def test_an_ollama_model_is_shown(gateway: GatewayProcess) -> None:
    """`show_model_info`."""
    assert ask(gateway, "/api/show", {"model": MODEL}).status == 200


def test_what_it_asks_of_other_providers_is_not_there(gateway: GatewayProcess) -> None:
    """Embeddings have OpenAI's form alone (`agenerate_ollama_batch_embeddings`), and models are not pulled."""
    assert ask(gateway, "/api/embed", {"input": ["one"], "model": EMBED, "truncate": True}).status == 404
    assert ask(gateway, "/api/pull", {"model": MODEL}).status == 404
