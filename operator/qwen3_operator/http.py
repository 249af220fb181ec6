"""Probes and metrics, on every replica, leader or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable


def application(
    is_alive: Callable[[], bool], is_ready: Callable[[], bool], refresh: Callable[[], None]
) -> web.Application:
    """``/healthz``, ``/readyz`` and ``/metrics``. ``refresh`` sets the gauges that are read on demand."""

    async def healthz(_: web.Request) -> web.Response:
        return _answer(is_alive())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(is_ready())

    async def metrics(_: web.Request) -> web.Response:
        refresh()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


def _answer(good: bool) -> web.Response:  # noqa: FBT001 - one private use
    return web.Response(text="ok\n" if good else "not yet\n", status=200 if good else 503)
