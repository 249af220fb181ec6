"""An MCP server with one tool. It knows one city; put your own source in its place."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from mcp import stdio_server
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent, Tool

WEATHER = Tool(
    name="get_weather",
    description="Get the weather in a city.",
    input_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


async def list_tools(_context: Any, _params: Any) -> ListToolsResult:
    """Say what there is."""
    return ListToolsResult(tools=[WEATHER])


async def call_tool(_context: Any, params: CallToolRequestParams) -> CallToolResult:
    """Look it up."""
    city = (params.arguments or {}).get("city", "")
    known = city == "Paris"
    answer = json.dumps({"city": city, "weather": "sunny"}) if known else f"no weather is known of {city!r}"
    return CallToolResult(content=[TextContent(type="text", text=answer)], is_error=not known)


async def main() -> None:
    """Serve on stdin and stdout."""
    server: Server[Any] = Server("weather", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
