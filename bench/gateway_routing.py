"""Which replica should take a chat: the gateway's choice beside sglang-router's, over the same replicas and chats.

The replicas keep prefixes in caches of bounded size, and two of the four have twice the capacity of the others. Chats
of several turns come from tenants with instructions of their own. Then one replica is killed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import uvloop

from bench import cached_engine, peers
from bench.chats import TENANTS, Chats, Seen
from qwen3_runtime.tenancy import Endpoint
from tests.gateway.processes import GatewayProcess, Process, fetch_json, make_route, make_tenant

CAPACITIES = (1, 1, 2, 2)
SEEDS = (1, 2)
SECONDS, KILLED_SECONDS = 15.0, 5.0
"""Of a run, and how long it goes on after a replica was killed."""
BALANCED = ("--balance-abs-threshold=4", "--balance-rel-threshold=1.2")
"""By its own default sglang-router looks at load only where two replicas differ by 64, which these never do."""


class Replica(Process):
    """One engine."""

    def __init__(self, folder: Path, name: str, capacity: int) -> None:
        command = [sys.executable, "-m", "bench.cached_engine", str(capacity)]
        super().__init__(command, folder / f"{name}.log", r"listening (\d+)")
        self.port, self.capacity = int(self.found[1]), capacity

    @property
    def endpoint(self) -> Endpoint:
        """As the operator describes it."""
        return Endpoint(
            address=f"127.0.0.1:{self.port}",
            placement="p",
            max_in_flight=cached_engine.SLOTS * self.capacity,
            weight=self.capacity,
            prompt_tokens_per_second=cached_engine.PROMPT_TOKENS_A_SECOND * self.capacity,
        )

    def totals(self) -> dict[str, int]:
        """What it has done."""
        found: dict[str, int] = fetch_json(f"http://127.0.0.1:{self.port}/totals")
        return found


Start = Callable[[list[Replica], Path, ExitStack], list[int]]
"""Starts what stands before the replicas; the ports to ask."""


def main() -> int:
    """Print a line for each way and seed; the exit status says whether it ran."""
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for seed in SEEDS:
        for name, start in _WAYS.items():
            _run(f"seed {seed}, {name}", start, seed)
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")
    return 0


def _run(name: str, start: Start, seed: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        replicas = [Replica(folder, f"replica-{number}", capacity) for number, capacity in enumerate(CAPACITIES)]
        for replica in replicas:
            stack.callback(replica.kill)
        ports = start(replicas, folder, stack)
        # What a router asked to see whether it is there.
        before = [replica.totals() for replica in replicas]
        uvloop.run(_measure(name, ports, seed, replicas, before))


async def _measure(
    name: str, ports: list[int], seed: int, replicas: list[Replica], before: list[dict[str, int]]
) -> None:
    chats = Chats(ports, seed)
    running = asyncio.create_task(chats.run())
    began = time.perf_counter()
    await asyncio.sleep(SECONDS)
    took, seen, chats.seen = time.perf_counter() - began, chats.seen, Seen()
    done = [
        {field: now[field] - then[field] for field in ("prompt", "cached", "requests")}
        for now, then in zip([await asyncio.to_thread(replica.totals) for replica in replicas], before, strict=True)
    ]
    _tell(name, seen, took, done)
    replicas[-1].kill()
    await asyncio.sleep(KILLED_SECONDS)
    after, chats.is_over = chats.seen, True
    await running
    print(
        f"{name}, one replica killed: {len(after.firsts)} answers in {KILLED_SECONDS:g} s, {after.lost} lost before "
        f"their first token, {after.cut} after it"
    )


def _tell(name: str, seen: Seen, took: float, done: list[dict[str, int]]) -> None:
    cached = sum(one["cached"] for one in done) / sum(one["prompt"] for one in done)
    loads = [one["requests"] / capacity for one, capacity in zip(done, CAPACITIES, strict=True)]
    cuts = statistics.quantiles(seen.firsts, n=100, method="inclusive")
    print(
        f"{name}: {100 * cached:.1f} % of prompt tokens from the cache, {len(seen.firsts) / took:.1f} answers/s, "
        f"first token p50 {1000 * cuts[49]:.0f} ms, p99 {1000 * cuts[98]:.0f} ms, most / least requests by capacity "
        f"{max(loads) / min(loads):.2f}, {seen.lost + seen.cut} lost"
    )


def _gateways(replicas: list[Replica], folder: Path, stack: ExitStack, many: int = 1) -> list[int]:
    endpoints = [replica.endpoint for replica in replicas]
    return [_start_gateway(endpoints, folder / f"gateway-{number}", stack) for number in range(many)]


def _router(replicas: list[Replica], folder: Path, stack: ExitStack, options: tuple[str, ...] = ()) -> list[int]:
    router = peers.start_router([replica.port for replica in replicas], folder, *options)
    stack.callback(router.kill)
    return [router.port]


def _gateway_and_router(replicas: list[Replica], folder: Path, stack: ExitStack) -> list[int]:
    """The gateway sees one replica, with the places of all."""
    places = sum(replica.endpoint.max_in_flight for replica in replicas)
    [port] = _router(replicas, folder, stack, BALANCED)
    router = Endpoint(address=f"127.0.0.1:{port}", placement="p", max_in_flight=places)
    return [_start_gateway([router], folder / "gateway", stack)]


def _start_gateway(endpoints: list[Endpoint], folder: Path, stack: ExitStack) -> int:
    route = make_route(endpoints, context_length=32768)
    gateway = GatewayProcess(folder, [make_tenant(name) for name in TENANTS], [route])
    stack.callback(gateway.kill)
    return int(gateway.url.rpartition(":")[2])


_WAYS: dict[str, Start] = {
    "gateway": _gateways,
    "three gateways, any of them for each turn": partial(_gateways, many=3),
    "sglang-router": _router,
    "sglang-router, balanced": partial(_router, options=BALANCED),
    "gateway before sglang-router, balanced": _gateway_and_router,
}

if __name__ == "__main__":
    sys.exit(main())
