"""What the gateway adds: the same client straight at a stub replica and through it, in turns; and how fair it is.

Keys, limits, the queue, metering and the ledger are on. Client, stub and gateway share the machine's cores, so that the
client itself is a part of every number; the two ways differ by the gateway alone. Targets are issue 7's; those in terms
of other programs stand as the numbers that they gave on two shared cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from bench import gateway_fairness
from bench.forwarding import processor_seconds
from qwen3_runtime.server.upstream import Upstream
from qwen3_runtime.tenancy import Quota, TenantLimits
from tests.gateway.processes import GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import CHAT, chat_body, wish

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUESTS_TARGET, REQUESTS_CONNECTIONS = 2520, 16
"""0.4 of the 6,300 requests a second of sglang-router 0.3.2 on two shared cores; LiteLLM 1.108 gave 98."""
ADDED_TARGET_MS = (2.0, 8.0)
"""Median and 99th percentile of the time to the first byte, at half load."""
TOKENS_TARGET = 20_000
"""Streamed tokens a second on one core."""
IDLE_STREAMS, IDLE_TARGET_MB = 10_000, 500
"""Each takes two files of the gateway: where its limit is lower, there are fewer."""
STREAMS = (1, 64, 512)
ROUNDS, ROUND_SECONDS = 3, 2.5
STREAM_TOKENS, STREAMED_TOKENS_A_SECOND = 16, 4000
"""Of one stream, and of all: an engine's pace, at which no part is full."""
_LIMITS = TenantLimits(
    requests_per_minute=10**9, input_tokens_per_minute=10**9, output_tokens_per_minute=10**9, concurrent_requests=10**6
)
"""Of no effect, but counted."""


@dataclass
class Way:
    """One way to the stub, and what was seen on it."""

    name: str
    upstream: Upstream
    requests: int = 0
    seconds: float = 0.0
    firsts: list[float] = field(default_factory=list)
    """Seconds to the first byte of the body."""

    async def ask(self, body: bytes) -> None:
        """One request, read to its end."""
        began = time.perf_counter()
        headers = ((b"authorization", b"Bearer " + key_of("a").encode()), (b"content-type", b"application/json"))
        async with self.upstream.request("POST", CHAT.encode(), body, headers) as answer:
            await answer.readany()
            self.firsts.append(time.perf_counter() - began)
            await answer.read()
        if answer.status != 200:  # noqa: PLR2004 - HTTP's
            raise RuntimeError(f"{self.name} answered {answer.status}")
        self.requests += 1

    async def loop(self, clients: int, body: bytes, lasts: float = 0.0) -> None:
        """Clients that ask again as soon as they have their answer, for one round; they come over ``lasts`` seconds."""
        began = time.perf_counter()

        async def client(number: int) -> None:
            await asyncio.sleep(lasts * number / clients)
            while time.perf_counter() - began < ROUND_SECONDS + lasts:
                await self.ask(body)

        await asyncio.gather(*(client(number) for number in range(clients)))
        self.seconds += time.perf_counter() - began

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


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
            uvloop.run(_measure(stub, gateway, min(IDLE_STREAMS, files // 2 - 200)))
        finally:
            gateway.kill()
            stub.kill()
        gateway_fairness.main(Path(folder))
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")
    return 0


async def _measure(stub: Stub, gateway: GatewayProcess, idle: int) -> None:
    print(f"memory of the gateway at its start: {_resident_mb(gateway):.0f} MB")
    await _whole_answers(stub, gateway)
    for streams in STREAMS:
        await _streams(stub, gateway, streams)
    await _tokens(gateway)
    await _idle(gateway, idle)
    print(f"requests sent to the replica twice: {gateway.metric('qwen3_gateway_retries_total'):.0f} (expected 0)")


async def _in_turns(
    stub: Stub, gateway: GatewayProcess, clients: int, body: bytes, lasts: float = 0.0
) -> tuple[Way, Way]:
    """Rounds alternate, so that a noisy machine disturbs both ways alike."""
    direct = Way("direct", Upstream(stub.port))
    through = Way("gateway", Upstream(int(gateway.url.rpartition(":")[2])))
    for number in range(ROUNDS):
        for way in (direct, through) if number % 2 else (through, direct):
            await way.loop(clients, body, lasts)
    for way in (direct, through):
        way.upstream.close()
    return direct, through


async def _whole_answers(stub: Stub, gateway: GatewayProcess) -> None:
    before = processor_seconds(gateway.process.pid)
    direct, through = await _in_turns(stub, gateway, REQUESTS_CONNECTIONS, _body())
    used = processor_seconds(gateway.process.pid) - before
    print(
        f"whole answers, {REQUESTS_CONNECTIONS} connections: direct {direct.rate:.0f}/s, gateway {through.rate:.0f}/s "
        f"(target {REQUESTS_TARGET}/s), {1e6 * used / through.requests:.0f} us of its processor a request; "
        f"median {_ms(direct.firsts, 50):.2f} and {_ms(through.firsts, 50):.2f} ms"
    )


async def _streams(stub: Stub, gateway: GatewayProcess, streams: int) -> None:
    pace = max(0.005, streams / STREAMED_TOKENS_A_SECOND)
    body = _body(stream=True, max_tokens=STREAM_TOKENS, user=wish(token=pace))
    direct, through = await _in_turns(stub, gateway, streams, body, STREAM_TOKENS * pace)
    print(
        f"{streams} streams of a token in {1000 * pace:.0f} ms: direct {direct.rate:.0f}/s, gateway "
        f"{through.rate:.0f}/s over {through.requests} requests; memory {_resident_mb(gateway):.0f} MB"
    )
    for percent, target in zip((50, 99), ADDED_TARGET_MS, strict=True):
        one, other = _ms(direct.firsts, percent), _ms(through.firsts, percent)
        print(
            f"{streams} streams, first byte p{percent}: direct {one:.2f} ms, gateway {other:.2f} ms, "
            f"added {other - one:.2f} ms (target {target:g} ms)"
        )


async def _tokens(gateway: GatewayProcess) -> None:
    """As fast as it goes, one event a token."""
    tokens = 2000
    way = Way("gateway", Upstream(int(gateway.url.rpartition(":")[2])))
    before = processor_seconds(gateway.process.pid)
    await way.loop(REQUESTS_CONNECTIONS, _body(stream=True, max_tokens=tokens))
    used = processor_seconds(gateway.process.pid) - before
    way.upstream.close()
    print(
        f"streamed tokens: {way.rate * tokens:.0f}/s, {way.requests * tokens / used:.0f} a second of one core "
        f"(target {TOKENS_TARGET}/s)"
    )


async def _idle(gateway: GatewayProcess, streams: int) -> None:
    """Streams that have begun and say nothing."""
    upstream = Upstream(int(gateway.url.rpartition(":")[2]))
    way = Way("gateway", upstream)
    body = _body(stream=True, max_tokens=2, user=wish(token=600))
    before = _resident_mb(gateway)
    started = []
    for number in range(streams):
        started.append(asyncio.create_task(way.ask(body)))
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
    upstream.close()


def _body(**fields: Any) -> bytes:
    return json.dumps(chat_body(**fields)).encode()


def _ms(seconds: Sequence[float], percent: int) -> float:
    """A percentile."""
    return 1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def _resident_mb(gateway: GatewayProcess) -> float:
    """Memory of the process: proc_pid_status(5)."""
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
