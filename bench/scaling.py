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
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.cli.replay_trace import read_trace
from qwen3_operator.scaling import Capacity, Policy
from qwen3_operator.scaling.simulate import SCALERS, Setting, bound, report, run, scaler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qwen3_operator.scaling.simulate import Report

SMALL = str(Path(__file__).parents[1] / "tests" / "data" / "azure2023-code-15min.csv")
STARTS = (60.0, 180.0, 600.0)
REPLICA = Capacity("replica", 24_000.0, 4_000.0, 0.0, 1000)
"""An output token costs six times a prompt token; its size does not matter, since the traffic is scaled to it."""
TARGETS = {60.0: 1.0, 180.0: 1.0, 600.0: 1.05}
"""Cost over the best without misses that is aimed at on language traffic, with the queue in deadline order."""


class Row(NamedTuple):
    """One policy in one setting."""

    startup: float
    seconds: float
    """Processor time that the run took."""
    report: Report


def main(arguments: Sequence[str] = ()) -> int:
    """Print one table per trace."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("traces", nargs="*", default=os.environ.get("SCALING_TRACES", SMALL).split(":"))
    parser.add_argument("--mean-replicas", type=float, default=12.0)
    parser.add_argument("--time-to-first-token", type=float, default=2.0, help="seconds")
    parser.add_argument("--policy", nargs="*", default=list(SCALERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start-seconds", type=float, nargs="*", default=STARTS, help="seconds")
    asked = parser.parse_args(arguments)
    for trace in asked.traces:
        print(f"\n{Path(trace).name}: {asked.mean_replicas:g} replicas on average, seed {asked.seed}, second half")
        print(" start policy            in time  worst h  of best  of 99 %  flips/d   took")
        for row in rows(trace, asked):
            found = row.report
            aim = TARGETS.get(row.startup) if found.policy == "adaptive" else None
            target = f"  target {aim:.2f}" if aim else ""
            print(
                f"{row.startup:>5.0f}s {found.policy:<16} {found.attainment:>8.2%} {found.worst_hour:>8.1%} "
                f"{found.ratio:>8.2f} {found.ratio99:>8.2f} {found.flips_per_day:>8.0f} {row.seconds:>5.1f}s{target}",
                flush=True,
            )
    return 0


def rows(trace: str, asked: argparse.Namespace) -> Iterator[Row]:
    """Every policy with every start-up time."""
    found, _ = read_trace(trace, None).arrivals(REPLICA, asked.mean_replicas, asked.seed)
    half = len(found.requests) // 4 * 2
    for startup in asked.start_seconds:
        capacity = (replace(REPLICA, startup_seconds=startup),)
        policy = Policy(REPLICA.available, time_to_first_token=asked.time_to_first_token)
        setting = Setting(found, capacity, policy)
        best = bound(Setting(found.since(half), capacity, policy))
        for name in asked.policy:
            begin = time.process_time()
            done = run(setting, scaler(name, setting))
            yield Row(startup, time.process_time() - begin, report(name, setting, done, best, half))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
