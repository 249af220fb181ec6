"""Requests of a pod that ends."""

from __future__ import annotations

import asyncio
import time

from qwen3_runtime.config import Phase
from qwen3_runtime.phases import Phases
from qwen3_runtime.server.traffic import Traffic
from tests.patience import HANG_SECONDS


async def test_quiet_begins_anew_with_each_request() -> None:
    traffic = Traffic(Phases(time.time, Phase.READY))
    waiting = asyncio.create_task(traffic.quiet(0.5, within=HANG_SECONDS))
    loop = asyncio.get_running_loop()
    began = last = loop.time()
    while loop.time() < began + 1:
        await asyncio.sleep(0.01)
        if not waiting.done():
            with traffic.admit():
                last = loop.time()
    await waiting
    assert loop.time() - last >= 0.49


async def test_quiet_ends_although_requests_go_on() -> None:
    traffic = Traffic(Phases(time.time, Phase.READY))

    async def ask() -> None:
        while True:
            with traffic.admit():
                await asyncio.sleep(0.01)

    asking = asyncio.create_task(ask())
    await asyncio.wait_for(traffic.quiet(HANG_SECONDS, within=0.2), HANG_SECONDS / 2)
    asking.cancel()
