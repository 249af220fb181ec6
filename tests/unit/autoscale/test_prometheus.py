"""What a Prometheus that fails is to the autoscaler."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from qwen3_operator.autoscale.prometheus import Prometheus, PrometheusError, connections
from qwen3_operator.autoscale.samples import QUERIES
from qwen3_operator.settings import PrometheusSettings


async def _read(url: str) -> None:
    async with connections() as session:
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


async def test_each_round_asks_who_answers_now() -> None:
    """A connection that is kept would go on asking a server that left the Service."""
    peers: set[tuple[str, int]] = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response({"status": "success", "data": {"result": []}})

    app = web.Application()
    app.router.add_post("/api/v1/query", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with connections() as session:
            server = Prometheus(PrometheusSettings(url=f"http://127.0.0.1:{runner.addresses[0][1]}", token_file=None))
            for _ in range(2):
                await server.read(session)
    finally:
        await runner.cleanup()
    assert len(peers) == 2 * len(QUERIES)
