"""What the gateway adds, beside what others add, to the same client's requests to a stub replica; and how fair it is.

Keys, limits, the queue, metering and the ledger are on. Client, stub and gateway share the machine's cores, so that the
client itself is a part of every number; the ways differ by what stands in between alone. Targets are issue 7's.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from bench import gateway_fairness, gateway_peers
from bench.ways import Round, Way
from qwen3_runtime.tenancy import Quota, TenantLimits
from tests.gateway.processes import GatewayProcess, Stub, make_route, make_tenant
from tests.gateway.raw import chat_body, wish

TOKENS_TARGET = 20_000
"""Streamed tokens a second on one core."""
IDLE_STREAMS, IDLE_TARGET_MB = 10_000, 500
"""Each takes two files of the gateway: where its limit is lower, there are fewer."""
STREAMS = (1, 64, 512)
ROUNDS = 3
STREAM_TOKENS, STREAMED_TOKENS_A_SECOND = 16, 4000
"""Of one stream, and of all: an engine's pace, at which no part is full."""
_LIMITS = TenantLimits(
    requests_per_minute=10**9, input_tokens_per_minute=10**9, output_tokens_per_minute=10**9, concurrent_requests=10**6
)
"""Of no effect, but counted."""


def main() -> int:
    """Print all; the exit status says whether it ran, never whether a target was met."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        stub = Stub(Path(folder))
        tenant = make_tenant("a", limits=_LIMITS, quota=Quota(tokens_per_month=10**15))
        route = make_route([stub.endpoint(max_in_flight=2 * IDLE_STREAMS)])
        gateway = GatewayProcess(Path(folder) / "gateway", [tenant], [route])
        try:
            print(f"memory of the gateway at its start: {_resident_mb(gateway):.0f} MB")
            gateway_peers.main(stub, gateway, Path(folder))
            uvloop.run(_measure(stub, gateway, min(IDLE_STREAMS, files // 2 - 200)))
        finally:
            gateway.kill()
            stub.kill()
        gateway_fairness.main(Path(folder))
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")
    return 0


async def _measure(stub: Stub, gateway: GatewayProcess, idle: int) -> None:
    for streams in STREAMS:
        await _streams(stub, gateway, streams)
    await _tokens(gateway)
    await _idle(gateway, idle)
    print(f"requests sent to the replica twice: {gateway.metric('qwen3_gateway_retries_total'):.0f} (expected 0)")


async def _in_turns(
    stub: Stub, gateway: GatewayProcess, clients: int, body: bytes, lasts: float = 0.0
) -> tuple[Way, Way]:
    """Rounds alternate, so that a noisy machine disturbs both ways alike."""
    direct, through = Way("direct", stub.port), _through(gateway)
    for number in range(ROUNDS):
        for way in (direct, through) if number % 2 else (through, direct):
            await way.loop(clients, body, lasts)
    for way in (direct, through):
        way.close()
    return direct, through


async def _streams(stub: Stub, gateway: GatewayProcess, streams: int) -> None:
    pace = max(0.005, streams / STREAMED_TOKENS_A_SECOND)
    body = _body(stream=True, max_tokens=STREAM_TOKENS, user=wish(token=pace))
    direct, through = await _in_turns(stub, gateway, streams, body, STREAM_TOKENS * pace)
    print(
        f"{streams} streams of a token in {1000 * pace:.0f} ms: direct {direct.rate:.0f}/s, gateway "
        f"{through.rate:.0f}/s over {through.requests} requests; memory {_resident_mb(gateway):.0f} MB"
    )
    for percent, target in gateway_peers.ADDED_TARGET_MS.items():
        one, other = direct.first_ms(percent), through.first_ms(percent)
        print(
            f"{streams} streams, first byte p{percent}: direct {one:.2f} ms, gateway {other:.2f} ms, "
            f"added {other - one:.2f} ms (target {target:g} ms)"
        )


async def _tokens(gateway: GatewayProcess) -> None:
    """As fast as it goes, one event a token."""
    tokens = 2000
    way = _through(gateway)
    await way.loop(gateway_peers.CONNECTIONS, _body(stream=True, max_tokens=tokens))
    way.close()
    print(
        f"streamed tokens: {way.rate * tokens:.0f}/s, {1e6 * tokens / way.processor_us:.0f} a second of one core "
        f"(target {TOKENS_TARGET}/s)"
    )


async def _idle(gateway: GatewayProcess, streams: int) -> None:
    """Streams that have begun and say nothing."""
    way = _through(gateway)
    body = _body(stream=True, max_tokens=2, user=wish(token=600))
    before = _resident_mb(gateway)
    started = []
    for number in range(streams):
        started.append(asyncio.create_task(way.ask(body, Round())))
        if number % 100 == 0:
            await asyncio.sleep(0.1)
    async with asyncio.timeout(60):
        while gateway.metric("qwen3_gateway_requests_in_flight") < streams:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.5)
    now = _resident_mb(gateway)
    print(
        f"{streams} idle streams: memory {now:.0f} MB, {1000 * (now - before) / streams:.0f} KB each "
        f"(target {IDLE_TARGET_MB} MB with {IDLE_STREAMS})"
    )
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)
    way.close()


def _body(**fields: Any) -> bytes:
    return json.dumps(chat_body(**fields)).encode()


def _through(gateway: GatewayProcess) -> Way:
    return Way("gateway", int(gateway.url.rpartition(":")[2]), gateway.process.pid)


def _resident_mb(gateway: GatewayProcess) -> float:
    """Memory of the process: proc_pid_status(5)."""
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
