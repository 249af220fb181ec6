"""The guard on top of the rule: latency above its target, where more replicas can help."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.scaling.sight import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.types import Capacity, Observation, Policy

WAIT_SECONDS = 2.0
"""How long a request may wait where no time to first token is asked for: what people bear in a conversation."""
SHORTEST_WAIT = 0.5
"""Also where the target leaves less: no queue is shorter than a few steps of the engine."""
_AT_ONCE = 1.5
"""The guard raises a fleet by at most half of it."""
_FARTHEST = 2.0
"""And to at most twice what the work asks for: beyond it, something else is slow."""


class Guarded(NamedTuple):
    """What the guard says."""

    units: float
    """That it wants; 0 where it is content."""
    unreachable: bool
    """A request alone misses a target, on every placement."""


def wait_seconds(policy: Policy, capacities: Sequence[Capacity]) -> float:
    """How long a request may wait and still have its first token in time."""
    if policy.time_to_first_token is None:
        return WAIT_SECONDS
    return max(SHORTEST_WAIT, policy.time_to_first_token - min(one.first_token_seconds for one in capacities))


def guard(
    policy: Policy,
    observation: Observation,
    capacities: Sequence[Capacity],
    there: float,
    rule: float,
    *,
    pending: bool,
) -> Guarded:
    """Compare latency with its targets.

    Args:
        policy: the targets.
        observation: the latencies.
        capacities: of the placements.
        there: what all replicas carry, pending ones included.
        rule: what the rule wants.
        pending: replicas are on their way: they are waited for.
    """
    first, each = policy.time_to_first_token, policy.time_per_output_token
    unreachable, worst = False, 0.0
    if first is not None:
        if min([one.first_token_seconds for one in capacities]) > first:
            unreachable = True
        else:
            worst = _above(observation.time_to_first_token, first)
    if each is not None:
        if min([one.output_token_seconds for one in capacities]) > each:
            unreachable = True
        else:
            worst = max(worst, _above(observation.time_per_output_token, each))
    factor = 1.0 if pending else min(_AT_ONCE, worst)
    return Guarded(min(there * factor, _FARTHEST * rule + 1) if worst else 0.0, unreachable)


def _above(latency: float | None, target: float) -> float:
    """How many times the target, where it is missed; otherwise 0."""
    found = number(latency)
    return found / target if found is not None and found > target else 0.0
