"""A chat with the tools of an MCP server: `python chat.py URL MODEL QUESTION [API_KEY]`.

The model asks for tools in the words of OpenAI's API; this program asks the MCP server and hands the answers back.
Needs `pip install openai mcp`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import openai
from mcp import Client, StdioServerParameters

SERVER = Path(__file__).with_name("weather_server.py")
MOST_ROUNDS = 5
"""A model that asks for tools again and again is stopped."""


async def chat(url: str, model: str, question: str, key: str) -> str:
    """The model's answer, after as many tool calls as it wants."""
    server = StdioServerParameters(command=sys.executable, args=[str(SERVER)], env={"PYTHONPATH": ":".join(sys.path)})
    messages: list[Any] = [{"role": "user", "content": question}]
    async with Client(server) as tools, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key) as client:
        offered: list[Any] = [as_function(tool) for tool in (await tools.list_tools()).tools]
        for _ in range(MOST_ROUNDS):
            answer = await client.chat.completions.create(model=model, messages=messages, tools=offered)
            message = answer.choices[0].message
            if not message.tool_calls:
                return (message.content or "").strip()
            messages.append(message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True))
            messages += [await called(tools, call) for call in message.tool_calls]
    raise RuntimeError(f"no answer after {MOST_ROUNDS} rounds of tools")


def as_function(tool: Any) -> dict[str, Any]:
    """A tool of MCP as a function of OpenAI's API."""
    described = {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
    return {"type": "function", "function": described}


async def called(tools: Client, call: Any) -> dict[str, Any]:
    """The message that answers one call."""
    result = await tools.call_tool(call.function.name, json.loads(call.function.arguments))
    text = "\n".join(part.text for part in result.content if part.type == "text")
    return {"role": "tool", "tool_call_id": call.id, "content": text}


if __name__ == "__main__":
    url, model, question, *key = sys.argv[1:]
    print(asyncio.run(chat(url, model, question, key[0] if key else "none")))
