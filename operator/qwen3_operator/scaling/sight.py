"""What an observation says: the rates since the last one, or that there are none, and which states hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.scaling.types import PERIOD_SECONDS, Counters, Observation, Seen

if TYPE_CHECKING:
    from qwen3_operator.scaling.state import State

_SHORTEST, _LONGEST = 0.5 * PERIOD_SECONDS, 3 * PERIOD_SECONDS
"""Between these a difference of counters is a rate of now; a longer gap would average over what nobody saw."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Per second, since the last observation."""

    requests: float
    input_tokens: float
    output_tokens: float
    late: float


def readable(counters: Counters | None) -> Counters | None:
    """The counters, if each is a number."""
    if counters is None:
        return None
    values = (counters.requests, counters.input_tokens, counters.output_tokens, counters.late)
    return counters if all(math.isfinite(value) and value >= 0 for value in values) else None


def tick(observation: Observation, state: State, now: float) -> Tick | None:
    """The rates; None without counters now and before, over a gap or a step of the clock, and after a restart."""
    new, old = readable(observation.counters), state.counters
    if new is None or old is None or state.at is None or observation.unscraped != state.unscraped:
        return None
    seconds = now - state.at
    if not _SHORTEST <= seconds <= _LONGEST:
        return None
    change = (
        new.requests - old.requests,
        new.input_tokens - old.input_tokens,
        new.output_tokens - old.output_tokens,
        new.late - old.late,
    )
    return Tick(*(value / seconds for value in change)) if min(change) >= 0 else None


def states(observation: Observation, found: Tick | None) -> tuple[Seen, ...]:
    """Those that hold, the gravest first."""
    holds = {
        Seen.NO_SCRAPE: readable(observation.counters) is None,
        Seen.PARTIAL_SCRAPE: observation.unscraped > 0,
        Seen.DRAINING: any(fleet.draining for fleet in observation.fleets),
        Seen.PENDING: any(fleet.pending for fleet in observation.fleets),
        Seen.NO_TRAFFIC: found is not None and found.requests == 0 and not observation.unscraped,
    }
    return tuple(seen for seen, true in holds.items() if true)


def number(value: float | None) -> float | None:
    """The value, if it is a number."""
    return value if value is not None and math.isfinite(value) else None
