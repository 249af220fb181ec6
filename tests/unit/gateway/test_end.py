"""A gateway behind a Service that ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qwen3_runtime.gateway import gateway
from qwen3_runtime.gateway.gateway import Gateway
from qwen3_runtime.gateway.settings import read_settings
from qwen3_runtime.server.listen import free_port
from qwen3_runtime.server.upstream import Upstream
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    import pytest


async def test_it_serves_until_no_request_has_come_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "LAME_DUCK_SECONDS", 2.0)
    monkeypatch.setattr(Gateway, "_sources", lambda _: ())
    port = free_port()
    arguments = ["--namespace=n", "--fullname=f", f"--port={port}", "--management-port=0", "--drain-seconds=1"]
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    running = asyncio.create_task(Gateway(read_settings(arguments)).run(stop))
    client = Upstream(port)
    while not await _answers(client):  # noqa: ASYNC110 - it says nothing when it listens
        await asyncio.sleep(0.02)
    stop.set()
    ended = loop.time()
    while loop.time() < ended + 1.5:
        assert await _answers(client)
        await asyncio.sleep(0.1)
    last = loop.time()
    client.close()
    await asyncio.wait_for(running, HANG_SECONDS)
    assert loop.time() - last > 1.5


async def _answers(client: Upstream) -> bool:
    """Whether a request gets any answer, which is 401 here."""
    try:
        async with client.request("GET", b"/v1/models", None, ()) as answer:
            await answer.read()
    except ConnectionError:
        return False
    return answer.status == 401
