"""What scaling policies cost on recorded traffic, over the best schedule that knows the future; the losing cases too.

``python -m bench.scaling [TRACE ...]``, or SCALING_TRACES with a colon between paths; without either, the small trace
of the tests. A trace is what ``kubectl qwen3 replay --trace`` reads. The second half is scored, the first is there to
learn from. Baselines run in the same call on the same arrivals; ``static-peak`` is chosen in hindsight.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench import scaling_speed
from qwen3_operator.cli.replay_trace import read_trace
from qwen3_operator.scaling import Capacity, Policy, QueueOrder
from qwen3_operator.scaling.simulate import SCALERS, Setting, bound, report, run, scaler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qwen3_operator.scaling.simulate import Report

SMALL = str(Path(__file__).parents[1] / "tests" / "data" / "azure2023-code-15min.csv")
STARTS, SCALES = (60.0, 180.0, 600.0), (2.0, 12.0, 60.0)
REPLICA = Capacity("replica", 24_000.0, 4_000.0, 0.0, 1000)
"""An output token costs six times a prompt token; its size does not matter, since the traffic is scaled to it."""
_LONG_ANSWERS = 1000.0
"""Output tokens of a mean request from which on traffic is that of a reasoning model."""
_TTFT, _REASONING_TTFT = 2.0, 4.0
"""Seconds to the first token: of a conversation, and where thinking comes before the answer."""
_TPOT = 0.05
"""Seconds per output token."""
TARGETS = {
    (False, QueueOrder.DEADLINE): (1.0, 1.0, 1.05),
    (False, QueueOrder.FIFO): (1.08, 1.08, 1.25),
    (True, QueueOrder.DEADLINE): (1.15, 1.15, 1.20),
    (True, QueueOrder.FIFO): (1.25, 1.25, 1.30),
}
"""Cost over the best without misses that is aimed at, by reasoning and queue, after starts of 60, 180 and 600 s."""


class Row(NamedTuple):
    """One policy in one setting."""

    setting: str
    target: float | None
    seconds: float
    """Processor time that the run took."""
    report: Report


def main(arguments: Sequence[str] = ()) -> int:
    """Print one table per trace."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("traces", nargs="*", default=os.environ.get("SCALING_TRACES", SMALL).split(":"))
    parser.add_argument("--mean-replicas", type=float, nargs="*", default=SCALES)
    parser.add_argument("--policy", nargs="*", default=list(SCALERS))
    parser.add_argument("--queue", type=QueueOrder, nargs="*", default=list(QueueOrder))
    parser.add_argument("--seed", type=int, nargs="*", default=[1])
    parser.add_argument("--start-seconds", type=float, nargs="*", default=STARTS)
    parser.add_argument("--speed", action="store_true", help="print what it takes of a core instead")
    asked = parser.parse_args(arguments)
    if asked.speed:
        return scaling_speed.main(asked.traces)
    for trace in asked.traces:
        print(f"\n{Path(trace).name}, second half")
        print("scale seed start queue    policy            in time  worst h  of best  of 99 %  flips/d   took")
        for row in rows(trace, asked):
            found = row.report
            target = f"  target {row.target:.2f}" if row.target and found.policy == "adaptive" else ""
            print(
                f"{row.setting} {found.policy:<16} {found.attainment:>8.2%} {found.worst_hour:>8.1%} "
                f"{found.ratio:>8.2f} {found.ratio99:>8.2f} {found.flips_per_day:>8.0f} {row.seconds:>5.1f}s{target}",
                flush=True,
            )
    return 0


def rows(trace: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Every policy in every setting."""
    recorded = read_trace(trace, None)
    reasoning = recorded.mean_tokens[1] >= _LONG_ANSWERS
    for scale, seed in product(asked.mean_replicas, asked.seed):
        found, _ = recorded.arrivals(REPLICA, scale, seed)
        found = found.answered(recorded.mean_tokens[1] * _TPOT)
        half = len(found.requests) // 4 * 2
        for startup, queue in product(asked.start_seconds, asked.queue):
            capacity = (replace(REPLICA, startup_seconds=startup),)
            slack = _REASONING_TTFT if reasoning else _TTFT
            policy = Policy(REPLICA.available, time_to_first_token=slack, queue=queue)
            setting = Setting(found, capacity, policy)
            best = bound(Setting(found.since(half), capacity, policy))
            target = TARGETS[reasoning, queue][STARTS.index(startup)] if startup in STARTS else None
            words = f"{scale:>5g} {seed:>4} {startup:>4.0f}s {queue.value:<8}"
            for name in asked.policy:
                begin = time.process_time()
                done = run(setting, scaler(name, setting))
                yield Row(words, target, time.process_time() - begin, report(name, setting, done, best, half))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
