"""An overload with the gateway's queue and with plain first-in-first-out: who still gets a first token in time?

The same arrivals at both, over the same stub engine: 120 % of what the replica can do, for a minute, from five tenants.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from qwen3_runtime.server.upstream import Upstream
from tests.gateway.processes import GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import CHAT, chat_body, wish
from tests.gateway.stub import BYTES_PER_TOKEN

TENANTS = ("a", "b", "c", "d", "e")
SEEDS = (1, 2, 3)
LOAD, SECONDS = 1.2, 60.0
SLOTS = 32
"""Requests that the replica works on at once, each at the pace of one alone."""
PROMPT_TOKENS, PROMPT_TOKENS_A_SECOND = 600, 3000.0
ANSWER_SECONDS = 0.8
"""Means; the answer's are all after its first token."""
SPREAD = 0.6
"""Of the logarithm of both."""
TARGET_SECONDS = 2.0
"""To the first token."""
BOUND_SECONDS = 30.0
"""The gateway's own default."""
WITHIN_TARGET = 80.0
"""Percent."""


class FifoGateway(GatewayProcess):
    """With the order that is compared with."""

    module = "bench.fifo_gateway"


@dataclass(frozen=True)
class Arrival:
    """One request."""

    at: float
    """Seconds from the start."""
    tenant: str
    prompt: int
    """Tokens."""
    answer: float
    """Seconds."""

    @property
    def body(self) -> bytes:
        """As the stub reads it: the prompt's time comes before the first token."""
        wanted = wish(first=self.prompt / PROMPT_TOKENS_A_SECOND, last=self.answer)
        text = "x" * round(self.prompt * BYTES_PER_TOKEN)
        messages = [{"role": "user", "content": text}]
        return json.dumps(chat_body(stream=True, messages=messages, max_tokens=1, user=wanted)).encode()


@dataclass(frozen=True)
class Seen:
    """What a client saw."""

    at: float
    """Of its arrival."""
    first: float
    """Seconds to the first token, or to the refusal."""
    served: bool
    waited: float
    """Of it, not the replica's own time."""


def main() -> int:
    """Print a line for each seed and order; the exit status says whether it ran, never whether a target was met."""
    with tempfile.TemporaryDirectory() as folder:
        stub = Stub(Path(folder))
        try:
            # All seeds side by side: they wait more than they work.
            shares = uvloop.run(_all(stub, Path(folder)))
        finally:
            stub.kill()
    ours, fifo = (statistics.median(each) for each in zip(*shares, strict=True))
    print(
        f"medians: {ours:.1f} % within {TARGET_SECONDS:g} s, first-in-first-out {fifo:.1f} % "
        f"(target {WITHIN_TARGET:g} %, {100 / LOAD:.0f} % is what the replica can do): {ours / fifo:.0f} x"
    )
    return 0


async def _all(stub: Stub, folder: Path) -> list[tuple[float, float]]:
    return await asyncio.gather(*(_side_by_side(stub, folder, seed) for seed in SEEDS))


async def _side_by_side(stub: Stub, folder: Path, seed: int) -> tuple[float, float]:
    arrivals = make_arrivals(seed)
    work = sum(one.prompt / PROMPT_TOKENS_A_SECOND + one.answer for one in arrivals)
    print(f"seed {seed}: {100 * work / (SLOTS * SECONDS):.0f} % of what the replica can do, for {SECONDS:g} s")
    ours, fifo = await asyncio.gather(
        _overload(GatewayProcess, stub, folder / f"ours-{seed}", arrivals),
        _overload(FifoGateway, stub, folder / f"fifo-{seed}", arrivals),
    )
    return _tell(f"seed {seed}, gateway", ours), _tell(f"seed {seed}, first-in-first-out", fifo)


def make_arrivals(seed: int) -> list[Arrival]:
    """A Poisson stream of so many requests with lognormal lengths."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    service = PROMPT_TOKENS / PROMPT_TOKENS_A_SECOND + ANSWER_SECONDS
    # Times of a Poisson stream, given their number, are independent.
    times = sorted(rng.uniform(0, SECONDS) for _ in range(round(LOAD * SLOTS * SECONDS / service)))
    return [
        Arrival(at, rng.choice(TENANTS), max(1, round(_lognormal(rng, PROMPT_TOKENS))), _lognormal(rng, ANSWER_SECONDS))
        for at in times
    ]


def _lognormal(rng: random.Random, mean: float) -> float:
    return rng.lognormvariate(math.log(mean) - SPREAD**2 / 2, SPREAD)


async def _overload(kind: type[GatewayProcess], stub: Stub, folder: Path, arrivals: list[Arrival]) -> list[Seen]:
    endpoint = stub.endpoint(max_in_flight=SLOTS, prompt_tokens_per_second=PROMPT_TOKENS_A_SECOND)
    route = make_route([endpoint], first_token_target_seconds=TARGET_SECONDS)
    tenants = [make_tenant(name) for name in TENANTS]
    gateway = await asyncio.to_thread(kind, folder, tenants, [route], f"--max-wait-seconds={BOUND_SECONDS:g}")
    upstream = Upstream(int(gateway.url.rpartition(":")[2]))
    try:
        return await _ask_all(upstream, arrivals)
    finally:
        upstream.close()
        gateway.kill()


async def _ask_all(upstream: Upstream, arrivals: list[Arrival]) -> list[Seen]:
    """Open loop: requests come whether answers do or not."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for one in arrivals:
            await asyncio.sleep(began + one.at - time.perf_counter())
            tasks.append(group.create_task(_ask(upstream, one)))
    return [task.result() for task in tasks]


async def _ask(upstream: Upstream, one: Arrival) -> Seen:
    headers = ((b"authorization", b"Bearer " + key_of(one.tenant).encode()),)
    began = time.perf_counter()
    async with upstream.request("POST", CHAT.encode(), one.body, headers) as answer:
        await answer.readany()
        first = time.perf_counter() - began
        await answer.read()
    served = answer.status == 200  # noqa: PLR2004 - HTTP's
    own = one.prompt / PROMPT_TOKENS_A_SECOND if served else 0.0
    return Seen(one.at, first, served, first - own)


def _within(seen: list[Seen]) -> float:
    """Percent that had their first token in time."""
    return 100 * sum(one.served and one.first <= TARGET_SECONDS for one in seen) / len(seen)


def _tell(name: str, seen: list[Seen]) -> float:
    within, later = _within(seen), _within([one for one in seen if one.at > SECONDS / 2])
    refused = sum(not one.served for one in seen)
    firsts = sorted(one.first for one in seen)
    print(
        f"{name}: {within:.1f} % of {len(seen)} within {TARGET_SECONDS:g} s, {later:.1f} % in the second half (p50 "
        f"{statistics.median(firsts):.2f} s); longest wait {max(one.waited for one in seen):.2f} s "
        f"(bound {BOUND_SECONDS:g} s), {refused} refused there"
    )
    return within


if __name__ == "__main__":
    sys.exit(main())
