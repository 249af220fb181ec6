"""What `spec.thinking.maxBudgetTokens` costs: an engine that masks its output beside one that does not, in turns.

Both masks and no masks are measured on requests without a budget of their own: what every request of the deployment
pays. Ratios are taken between neighbouring rounds; processor time hardly depends on who else uses the machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bench.forwarding import TOKENS, closed_loop, processor_seconds, spread
from qwen3_runtime.config import Phase
from tests.engine.places import find_engine_python, find_tiny_model
from tests.engine.pod import Pod, tiny_config

if TYPE_CHECKING:
    from bench.forwarding import Round

CONCURRENCY = (1, 16)
ROUNDS = 8
CEILING = 2000
"""Above the tokens of a request, so that the whole answer is a thought and is masked to its end."""


def main() -> int:
    """Print throughput, processor time per token and their ratios."""
    model, python = find_tiny_model(), find_engine_python()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        free = Pod.start(tiny_config(model), python, Path(first))
        limited = Pod.start(tiny_config(model, max_thinking_tokens=CEILING), python, Path(second))
        try:
            for pod in (free, limited):
                pod.wait_for(Phase.READY)
            asyncio.run(_measure(free, limited))
        finally:
            free.end()
            limited.end()
    return 0


async def _measure(free: Pod, limited: Pod) -> None:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
    async with aiohttp.ClientSession(connector=connector) as session:
        print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for concurrency in CONCURRENCY:
            rounds: dict[str, list[Round]] = {"free": [], "limited": []}
            used = {"free": 0.0, "limited": 0.0}
            for name, pod in (("free", free), ("limited", limited)) * (ROUNDS + 1):
                members = [member.pid for member in pod.engine_members()]
                before = processor_seconds(*members)
                found = await closed_loop(session, pod.url, concurrency)
                rounds[name].append(found)
                used[name] += processor_seconds(*members) - before
            _show(concurrency, rounds, used)


def _show(concurrency: int, rounds: dict[str, list[Round]], used: dict[str, float]) -> None:
    speeds = {name: [found.tokens_per_second for found in values[1:]] for name, values in rounds.items()}
    for name, values in speeds.items():
        spent = 1e6 * used[name] / ((ROUNDS + 1) * concurrency * TOKENS)
        print(f"concurrency {concurrency}, {name:<8}{spread(values, 'tokens/s', 1)}, {spent:.0f} us of CPU per token")
    ratios = [b / a for a, b in zip(speeds["free"], speeds["limited"], strict=True)]
    print(
        f"concurrency {concurrency}, throughput limited / free: {spread(ratios, '', 3)}; costs"
        f" {100 * (1 - statistics.median(ratios)):.1f} %; processor time {used['limited'] / used['free']:.2f} times"
    )


if __name__ == "__main__":
    sys.exit(main())
