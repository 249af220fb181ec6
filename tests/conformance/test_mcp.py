"""The example of the docs with an MCP server, on every engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.pod import MODEL, Pod

CHAT = Path(__file__).parents[2] / "docs/examples/mcp/chat.py"


def test_an_answer_comes_from_the_tool_of_an_mcp_server(pod: Pod) -> None:
    asked = [sys.executable, str(CHAT), pod.url, MODEL, "What is the weather in Paris?"]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=200, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "It is sunny in Paris."
