"""What scaling takes of one core: ``decide`` for a thousand deployments, and two weeks of ``kubectl qwen3 replay``.

Called by ``python -m bench.scaling --speed [TRACE ...]``. Processor time, since the machine may be busy otherwise; yet
it grows by a half where others share its cores. Only traces of many hours say something about two weeks.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.scaling import PERIOD_SECONDS, Capacity, Counters, Fleet, Observation, Policy, State, decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEPLOYMENTS, TARGET = 1000, 0.1
"""Target: seconds of a round."""
TWO_WEEKS_HOURS, REPLAY_TARGET = 336.0, 20.0
"""Target: seconds."""
_FLEET = ("--capacity", "replica=24000/4000", "--mean-replicas", "12")
_REPLICA = Capacity("replica", 24_000.0, 4_000.0, 180.0, 1000)
_POLICY = Policy(_REPLICA.available, time_to_first_token=2.0)
_WARM = 400
"""Decisions after which everything that is remembered has its full length, an hour of it."""
_ROUNDS = 60
"""In which every deployment chooses its headroom once."""


def main(traces: Sequence[str]) -> int:
    """Print both."""
    decisions()
    for trace in traces:
        replay(trace)
    return 0


class Known(NamedTuple):
    """One deployment."""

    state: State
    counters: Counters
    replicas: int


def rounds(known: Sequence[Known], seed: int, many: int = _ROUNDS) -> list[float]:
    """Processor seconds of each round of decisions."""
    chance, found, now = random.Random(seed), list(known), list[float]()  # noqa: S311
    for _ in range(many):
        seen = [(one, _later(one.counters, chance)) for one in found]
        begin = time.process_time()
        found = [_decided(one, counters) for one, counters in seen]
        now.append(time.process_time() - begin)
    return now


def warm(seed: int) -> Iterator[Known]:
    """One deployment at one decision after the other, from the one on at which it remembers an hour."""
    chance, one = random.Random(seed), Known(State(), Counters(0.0, 0.0, 0.0, 0.0), 12)  # noqa: S311
    for number in range(_WARM + _ROUNDS):
        one = _decided(one, _later(one.counters, chance))
        if number >= _WARM:
            yield one


def _later(before: Counters, chance: random.Random) -> Counters:
    """Some twelve busy replicas."""
    requests = max(0.0, chance.gauss(760.0, 100.0))
    return Counters(
        before.requests + requests,
        before.input_tokens + 2000.0 * requests,
        before.output_tokens + 300.0 * requests,
        before.late,
    )


def _decided(one: Known, counters: Counters) -> Known:
    now = (one.state.at or 0.0) + PERIOD_SECONDS
    seen = Observation((Fleet(_REPLICA.placement, one.replicas),), counters)
    decision, state = decide(_POLICY, seen, one.state, (_REPLICA,), now)
    return Known(state, counters, decision.replicas)


def decisions() -> None:
    """A thousand deployments that began at different times, as they do, and at the same time."""
    moments = list(warm(seed=1))
    apart = rounds([moments[number % _ROUNDS] for number in range(DEPLOYMENTS)], seed=2)
    together = rounds([moments[0]] * DEPLOYMENTS, seed=2)
    for words, found in (("decide", apart), ("all begun at once", together)):
        print(
            f"{words}, {DEPLOYMENTS} deployments: {fmean(found) * 1e3:.0f} ms a round on average, "
            f"{min(found) * 1e3:.0f} to {max(found) * 1e3:.0f} ms (target {TARGET * 1e3:.0f} ms)",
            flush=True,
        )


def replay(trace: str) -> None:
    """The whole command with the default policy, two weeks of it: a shorter trace is taken as a part of them."""
    program = Path(sys.executable).with_name("kubectl-qwen3")
    command = [str(program), "replay", "--trace", trace, "-o", "json", *_FLEET]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took, hours = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, json.loads(done.stdout)["hours"]
    print(
        f"kubectl qwen3 replay, {hours:.0f} hours of {Path(trace).name}: {took:.1f} s, "
        f"two weeks {took * TWO_WEEKS_HOURS / hours:.1f} s (target {REPLAY_TARGET:.0f} s)",
        flush=True,
    )
