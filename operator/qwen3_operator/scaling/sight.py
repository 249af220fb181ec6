"""What an observation says: the rates since the last one, or that there are none, and which states hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.scaling.types import PERIOD_SECONDS, Counters, Observation, Seen

if TYPE_CHECKING:
    from qwen3_operator.scaling.state import State

_SHORTEST, _LONGEST = 0.5 * PERIOD_SECONDS, 3 * PERIOD_SECONDS
"""Between these a difference of counters is a rate of now; a longer gap would average over what nobody saw."""


class Tick(NamedTuple):
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
    return counters if math.isfinite(sum(values)) and min(values) >= 0 else None


def tick(observation: Observation, counters: Counters | None, state: State, now: float) -> Tick | None:
    """The rates; None without readable counters now and before, over a gap or a step of the clock, after a restart."""
    new, old = counters, state.counters
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


def states(observation: Observation, counters: Counters | None, found: Tick | None) -> tuple[Seen, ...]:
    """Those that hold, the gravest first."""
    seen: list[Seen] = []
    if counters is None:
        seen.append(Seen.NO_SCRAPE)
    if observation.unscraped:
        seen.append(Seen.PARTIAL_SCRAPE)
    if observation.is_gateway_missing:
        seen.append(Seen.NO_GATEWAY)
    if any(fleet.draining for fleet in observation.fleets):
        seen.append(Seen.DRAINING)
    if any(fleet.pending for fleet in observation.fleets):
        seen.append(Seen.PENDING)
    if found is not None and not found.requests and not observation.unscraped:
        seen.append(Seen.NO_TRAFFIC)
    return tuple(seen)


def number(value: float | None) -> float | None:
    """The value, if it is a number."""
    return value if value is not None and math.isfinite(value) else None
