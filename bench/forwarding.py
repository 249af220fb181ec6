"""What the runtime's forwarding costs: the engine asked directly and through the runtime, in turns.

Targets: at most 2 % of the engine's throughput and 1 ms of time to first token. Both ways lead to the same engine
process, rounds alternate, and ratios are taken between neighbours, so that a noisy machine disturbs both alike. The
processor time of both is printed too: it hardly depends on who else uses the machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from qwen3_runtime.config import Limits, Phase
from tests.engine.places import find_engine_python, find_tiny_model
from tests.engine.pod import MODEL, Pod, tiny_config

THROUGHPUT_TARGET_PERCENT = 2.0
FIRST_TOKEN_TARGET_MS = 1.0
CONCURRENCY = (1, 16, 64)
BUSY_TOKENS_PER_SECOND = 5000
"""At which the runtime's share of a core is told."""
ROUNDS = 8
TOKENS = 128
FIRST_TOKEN_PAIRS = 200


@dataclass(frozen=True)
class Round:
    """One closed loop: each client asks once and reads its stream to the end."""

    tokens_per_second: float
    first_token_ms: float
    """Median over the clients."""


def main() -> int:
    """Print, per concurrency, throughput of both ways and their ratio; then the time to first token of both."""
    with tempfile.TemporaryDirectory() as folder:
        limits = Limits(context_length=4096, max_running_requests=max(CONCURRENCY), max_total_tokens=32768)
        pod = Pod.start(tiny_config(find_tiny_model(), limits=limits), find_engine_python(), Path(folder))
        try:
            pod.wait_for(Phase.READY)
            asyncio.run(_measure(pod))
        finally:
            pod.end()
    return 0


async def _measure(pod: Pod) -> None:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
    async with aiohttp.ClientSession(connector=connector) as session:
        print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for concurrency in CONCURRENCY:
            await _throughput(session, pod, concurrency)
        await _first_token(session, pod.engine_url, pod.url)
        print(f"load average at the end: {os.getloadavg()[0]:.1f}")


async def _throughput(session: aiohttp.ClientSession, pod: Pod, concurrency: int) -> None:
    engine, runtime = pod.engine_url, pod.url
    engine_processes = [member.pid for member in pod.engine_members()]
    used_by_engine = used_by_runtime = 0.0
    for base in (engine, runtime):
        await closed_loop(session, base, concurrency)
    direct: list[Round] = []
    through: list[Round] = []
    for number in range(ROUNDS):
        # The second of a pair may profit from the first's caches, so the order changes.
        pair = ((engine, direct), (runtime, through))
        for base, rounds in pair if number % 2 else reversed(pair):
            before = processor_seconds(*engine_processes), processor_seconds(pod.process.pid)
            rounds.append(await closed_loop(session, base, concurrency))
            if base == runtime:
                used_by_engine += processor_seconds(*engine_processes) - before[0]
                used_by_runtime += processor_seconds(pod.process.pid) - before[1]
    for name, rounds in (("engine", direct), ("runtime", through)):
        speeds = [r.tokens_per_second for r in rounds]
        firsts = [r.first_token_ms for r in rounds]
        speed, first = spread(speeds, "tokens/s", 1), spread(firsts, "ms", 2)
        print(f"concurrency {concurrency}, {name:<8}{speed}, first token {first}")
    ratios = [b.tokens_per_second / a.tokens_per_second for a, b in zip(direct, through, strict=True)]
    cost = 100 * (1 - statistics.median(ratios))
    print(
        f"concurrency {concurrency}, throughput runtime / engine: {spread(ratios, '', 3)}; "
        f"costs {cost:.1f} %, target {THROUGHPUT_TARGET_PERCENT} %"
    )
    tokens = ROUNDS * concurrency * TOKENS
    share = used_by_runtime / tokens * BUSY_TOKENS_PER_SECOND
    print(
        f"concurrency {concurrency}, processor time per token: engine {1e6 * used_by_engine / tokens:.0f} us, "
        f"runtime {1e6 * used_by_runtime / tokens:.0f} us, {100 * used_by_runtime / used_by_engine:.1f} %; at "
        f"{BUSY_TOKENS_PER_SECOND} tokens/s the runtime takes {share:.2f} of a core"
    )


async def _first_token(session: aiohttp.ClientSession, engine: str, runtime: str) -> None:
    direct: list[float] = []
    through: list[float] = []
    for number in range(FIRST_TOKEN_PAIRS):
        pair = ((engine, direct), (runtime, through))
        for base, values in pair if number % 2 else reversed(pair):
            first, _ = await _ask(session, base, 4)
            values.append(first * 1000)
    print(f"time to first token, engine  {spread(direct, 'ms', 2)}")
    print(f"time to first token, runtime {spread(through, 'ms', 2)}")
    differences = [b - a for a, b in zip(direct, through, strict=True)]
    print(
        f"time to first token, runtime - engine: median of pairs {statistics.median(differences):.2f} ms, "
        f"of medians {statistics.median(through) - statistics.median(direct):.2f} ms, target {FIRST_TOKEN_TARGET_MS} ms"
    )


async def closed_loop(session: aiohttp.ClientSession, base: str, concurrency: int) -> Round:
    """One round of so many clients."""
    began = time.perf_counter()
    answers = await asyncio.gather(*(_ask(session, base, TOKENS) for _ in range(concurrency)))
    took = time.perf_counter() - began
    return Round(concurrency * TOKENS / took, statistics.median(first for first, _ in answers) * 1000)


async def _ask(session: aiohttp.ClientSession, base: str, tokens: int) -> tuple[float, int]:
    """Seconds to the first event, and the number of chunks read, of one stream of exactly ``tokens`` tokens."""
    body: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "max_tokens": tokens,
        "ignore_eos": True,
        "temperature": 0,
    }
    began = time.perf_counter()
    first: float | None = None
    chunks = 0
    last = b""
    async with session.post(f"{base}/v1/chat/completions", json=body) as answer:
        while chunk := await answer.content.readany():
            if first is None:
                first = time.perf_counter() - began
            chunks += 1
            last = chunk
    if first is None or not last.endswith(b"data: [DONE]\n\n"):
        raise RuntimeError(f"{base} gave no whole stream")
    return first, chunks


def processor_seconds(*pids: int) -> float:
    """User and system time of processes so far: fields 14 and 15 of proc_pid_stat(5)."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def spread(values: list[float], unit: str, digits: int) -> str:
    """Median and the middle half."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.{digits}f} [{low:.{digits}f} .. {high:.{digits}f}] {unit}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
