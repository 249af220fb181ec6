"""Decisions of a made-up day are those that were recorded: what makes ``decide`` faster must not change them.

Where the rule itself is changed on purpose: ``python -m tests.unit.scaling.test_recorded`` records them anew.
"""

from __future__ import annotations

import csv
import math
import random
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.scaling import (
    PERIOD_SECONDS,
    Counters,
    Fleet,
    Observation,
    Policy,
    QueueOrder,
    State,
    decide,
)
from tests.unit.scaling.given import GPU, INPUT, NPU, OUTPUT, SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD = Path(__file__).parents[2] / "data" / "scaling-decisions.csv"
CASES = [(queue.value, startup) for queue, startup in product(QueueOrder, (60.0, 180.0, 600.0))]
DECISIONS, EVERY = 1400, 20
"""Of each case, and from one that is written down to the next. The largest headrooms take two hours to matter."""


def observations(seed: int) -> Iterator[tuple[float, Observation, float]]:
    """Work that swings and bursts, with what may be missing in a scrape; the start-up is measured anew now and then."""
    chance, counters, burst, factor = random.Random(seed), Counters(0.0, 0.0, 0.0, 0.0), 0.0, 1.0  # noqa: S311
    for tick in range(DECISIONS):
        burst = 12.0 * chance.random() if chance.random() < 0.01 else 0.9 * burst
        swing = 6.0 + 4.0 * math.sin(tick / 150)
        work = 0.0 if 900 <= tick < 960 else (swing + burst) * (0.5 + chance.random())
        requests, longer = work * PERIOD_SECONDS / SECONDS, 0.5 + chance.random()
        counters = Counters(
            counters.requests + requests,
            counters.input_tokens + requests * INPUT * longer,
            counters.output_tokens + requests * OUTPUT,
            counters.late + 0.01 * requests * (chance.random() < 0.1),
        )
        if tick % 301 == 300:
            counters = Counters(0.0, 0.0, 0.0, 0.0)
        if tick % 400 == 399:
            factor = 0.6 + chance.random()
        seen = Observation(
            fleets=(),
            counters=None if tick % 173 == 172 else counters,
            unscraped=int(tick % 211 in {209, 210}),
            waiting=20.0 * chance.random() if burst > 6 else 0.0,
            time_to_first_token=3.0 if tick % 97 in {95, 96} else 0.5,
        )
        yield (tick + 1) * PERIOD_SECONDS, seen, factor


def decided(queue: str, startup: float) -> Iterator[list[str]]:
    """Rows of the record: of some decisions, what was granted, and sums over all of them and over the shadows."""
    policy = Policy(max_replicas=60, min_replicas=2, time_to_first_token=2.0, queue=QueueOrder(queue))
    state, totals, wanted, replicas = State(), [{"gpu": 3, "npu": 1}], 0.0, 0
    for tick, (now, seen, factor) in enumerate(observations(seed=round(startup)), 1):
        known = [replace(one, startup_seconds=startup * factor) for one in (replace(GPU, available=9), NPU)]
        decision, state = decide(policy, replace(seen, fleets=_fleets(totals, startup)), state, known, now)
        totals.append(decision.granted)
        wanted, replicas = wanted + decision.wanted, replicas + decision.replicas
        if tick % EVERY == 0 and state.shadows is not None:
            chosen = " ".join(map(str, state.experience.chosen))
            cells = (tick, decision.granted["gpu"], decision.granted["npu"], replicas, chosen)
            lived = state.shadows.now()
            sums = (wanted, *(float(one.sum()) for one in (lived.missed, lived.recently_missed, lived.cost)))
            yield [queue, f"{startup:g}", *map(str, cells), *(f"{one:.13g}" for one in sums)]


def _fleets(totals: list[dict[str, int]], startup: float) -> tuple[Fleet, ...]:
    recent = totals[-math.ceil(startup / PERIOD_SECONDS) - 1 :]
    ready = {name: min(one[name] for one in recent) for name in totals[-1]}
    return tuple(Fleet(name, count, totals[-1][name] - count) for name, count in ready.items())


@pytest.mark.parametrize(("queue", "startup"), CASES)
def test_decisions_are_those_that_were_recorded(queue: str, startup: float) -> None:
    with RECORD.open(newline="", encoding="utf-8") as file:
        recorded = [row for row in csv.reader(file) if row[:2] == [queue, f"{startup:g}"]]
    found = list(decided(queue, startup))
    assert [row[:7] for row in found] == [row[:7] for row in recorded]
    for one, other in zip(found, recorded, strict=True):
        assert [float(cell) for cell in one[7:]] == pytest.approx([float(cell) for cell in other[7:]], rel=1e-9)


if __name__ == "__main__":
    with RECORD.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(row for case in CASES for row in decided(*case))
