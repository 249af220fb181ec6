"""What a Prometheus that fails is to the autoscaler."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from qwen3_operator.autoscale.prometheus import Prometheus, PrometheusError
from qwen3_operator.settings import PrometheusSettings


async def _read(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        await Prometheus(PrometheusSettings(url=url, token_file=None)).read(session)


async def test_an_error_of_the_server_is_named_and_its_text_is_not_shown() -> None:
    """One sentence for all queries, and not a group of exceptions; others read the status that it ends in."""

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=503, text="password=hunter2")

    app = web.Application()
    app.router.add_post("/api/v1/query", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        with pytest.raises(PrometheusError, match=r"^HTTP 503$"):
            await _read(f"http://127.0.0.1:{runner.addresses[0][1]}")
        task = asyncio.current_task()
        assert task
        assert not task.cancelling(), "the task goes on: its next timeout must not end it"
    finally:
        await runner.cleanup()


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(PrometheusError, match="not reached"):
        await _read("http://127.0.0.1:1")
