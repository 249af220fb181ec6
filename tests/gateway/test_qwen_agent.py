"""Qwen-Agent with the MCP server of the docs: it asks for tools in either way that it knows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.processes import MODEL, GatewayProcess, key_of
from tests.gateway.raw import wish
from tests.kind.venv import Venv

pytestmark = pytest.mark.timeout(300)
HERE = Path(__file__).parent
SERVER = HERE.parents[1] / "docs/examples/mcp/weather_server.py"
TOOL = "weather-get_weather"
"""As Qwen-Agent calls it, after its server."""
PARIS = {"city": "Paris"}
FOUND = PARIS | {"weather": "sunny"}
SECONDS = 120


@pytest.fixture(scope="module")
def python() -> Path:
    venv = Venv("clients", "qwen-agent", HERE / "locks/qwen-agent.txt")
    venv.make()
    return venv.python


def run(python: Path, gateway: GatewayProcess, question: str, **how: Any) -> list[dict[str, Any]]:
    """All that was said after the question."""
    llm = {"model": MODEL, "model_type": "oai", "model_server": f"{gateway.url}/v1", "api_key": key_of("a")}
    # The server runs here, where the version of MCP is another one.
    server = {"command": sys.executable, "args": [str(SERVER)], "env": {"PYTHONPATH": ":".join(sys.path)}}
    asked = {"llm": llm | {"generate_cfg": how}, "server": server, "question": question}
    ran = subprocess.run(
        [python, HERE / "agent.py"],
        input=json.dumps(asked),
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stderr
    messages: list[dict[str, Any]] = json.loads(ran.stdout)
    return messages


def test_it_calls_a_tool_of_an_mcp_server_in_the_api_s_words(python: Path, gateway: GatewayProcess) -> None:
    before = gateway.metric("qwen3_gateway_requests_total", tenant="a", code="200")
    wanted = wish(tool={"name": TOOL, "arguments": PARIS}, thought="Let me look", echo=True)
    said = run(python, gateway, "What is the weather in Paris?", use_raw_api=True, user=wanted)
    (result,) = [message for message in said if message["role"] == "function"]
    assert json.loads(result["content"]) == FOUND
    assert said[0]["reasoning_content"] == "Let me look"
    # What the replica got in the end.
    request = json.loads(said[-1]["content"])
    assert request["tools"][0]["function"]["name"] == TOOL
    assert request["tools"][0]["function"]["parameters"]["required"] == ["city"]
    called, told = request["messages"][-2:]
    assert called["tool_calls"][0]["function"] == {"name": TOOL, "arguments": json.dumps(PARIS)}
    assert (told["role"], json.loads(told["content"])) == ("tool", FOUND)
    assert gateway.metric("qwen3_gateway_requests_total", tenant="a", code="200") - before == 2


def test_it_calls_one_in_words_of_its_own(python: Path, gateway: GatewayProcess) -> None:
    """Its default: tools stand in the prompt, and the call in the answer's text."""
    call = f"<tool_call>\n{json.dumps({'name': TOOL, 'arguments': PARIS})}\n</tool_call>"
    said = run(python, gateway, wish(say=call), max_tokens=3)
    asked, result, answer = said
    assert asked["function_call"]["name"] == TOOL
    assert json.loads(result["content"]) == FOUND
    assert answer["content"].split() == ["word"] * 3
