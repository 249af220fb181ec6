"""A Qwen-Agent with the tools of an MCP server, run by the Python that has it: JSON in, what it said as JSON out."""

from __future__ import annotations

import json
import sys

from qwen_agent.agents import Assistant  # type: ignore[import-not-found]


def main() -> None:
    asked = json.load(sys.stdin)
    bot = Assistant(llm=asked["llm"], function_list=[{"mcpServers": {"weather": asked["server"]}}])
    *_, messages = bot.run([{"role": "user", "content": asked["question"]}])
    print(json.dumps(messages))


if __name__ == "__main__":
    main()
