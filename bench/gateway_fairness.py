"""One tenant of five bursts: what happens to the first tokens of the others. Called by ``python -m bench.gateway``."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import uvloop

from qwen3_runtime.server.upstream import Upstream
from tests.gateway.processes import GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import CHAT, chat_body, wish

if TYPE_CHECKING:
    from pathlib import Path

TENANTS = ("burster", "b", "c", "d", "e")
FACTORS = (1, 5, 10)
"""Of the first one's rate."""
RATE = 10.0
"""Requests a second of each tenant: five of them fill three fifths of the replica."""
SLOTS, SERVICE_SECONDS = 8, 0.1
SECONDS = 10.0
TARGET_SECONDS = 1.0
"""To the first token."""
WITHIN_TARGET = 99.0
"""Percent of the others' requests."""


def main(folder: Path) -> None:
    """Print a line for each burst."""
    stub = Stub(folder, "fair")
    route = make_route([stub.endpoint(max_in_flight=SLOTS)], first_token_target_seconds=TARGET_SECONDS)
    gateway = GatewayProcess(folder / "fair", [make_tenant(name) for name in TENANTS], [route])
    capacity = SLOTS / SERVICE_SECONDS
    try:
        for factor in FACTORS:
            firsts = uvloop.run(_load(gateway, factor))
            others = sorted(first for name in TENANTS[1:] for first in firsts[name])
            cuts = statistics.quantiles(others, n=100, method="inclusive")
            within = 100 * sum(first <= TARGET_SECONDS for first in others) / len(others)
            load = 100 * RATE * (len(TENANTS) - 1 + factor) / capacity
            print(
                f"one of five tenants x{factor} ({load:.0f} % of the replica): first token of the others p50 "
                f"{1000 * cuts[49]:.0f} ms, p99 {1000 * cuts[98]:.0f} ms, {within:.1f} % within {TARGET_SECONDS:g} s "
                f"(target {WITHIN_TARGET:g} %); the one got {len(firsts[TENANTS[0]]) / SECONDS:.0f} of "
                f"{RATE * factor:.0f} a second"
            )
    finally:
        gateway.kill()
        stub.kill()


async def _load(gateway: GatewayProcess, factor: int) -> dict[str, list[float]]:
    """Seconds to the first token by tenant, of those that came in time; the others' misses count as endless."""
    upstream = Upstream(int(gateway.url.rpartition(":")[2]))
    firsts: dict[str, list[float]] = defaultdict(list)

    async def ask(name: str) -> None:
        began = time.perf_counter()
        body = chat_body(stream=True, max_tokens=1, user=wish(first=SERVICE_SECONDS))
        headers = ((b"authorization", b"Bearer " + key_of(name).encode()),)
        async with upstream.request("POST", CHAT.encode(), json.dumps(body).encode(), headers) as answer:
            await answer.read()
        if answer.status == 200:  # noqa: PLR2004 - HTTP's
            firsts[name].append(time.perf_counter() - began)
        elif name != TENANTS[0]:
            firsts[name].append(float("inf"))

    async def tenant(name: str, rate: float) -> None:
        """Open loop: requests come whether answers do or not."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * SECONDS)):
                await asyncio.sleep(began + number / rate - time.perf_counter())
                group.create_task(ask(name))

    burst = asyncio.create_task(tenant(TENANTS[0], RATE * factor))
    await asyncio.gather(*(tenant(name, RATE) for name in TENANTS[1:]))
    # What of the burst still waits has had its time.
    burst.cancel()
    await asyncio.gather(burst, return_exceptions=True)
    upstream.close()
    return firsts
