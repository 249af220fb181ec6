"""How far a candidate is from a plan: what is told first of those that were not taken."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from qwen3_operator.sizing.options import Option
from qwen3_operator.sizing.order import option_order
from qwen3_operator.sizing.reasons import OVER_NODES
from qwen3_operator.sizing.search import node_problem

if TYPE_CHECKING:
    from qwen3_operator.sizing.field import Field, Group
    from qwen3_operator.sizing.rating import Rated

Distance = tuple[Any, ...]
_NEAR = 2.0
"""Times the nodes that are still near."""


def distance(field: Field, group: Group, choice: Option | Rated) -> Distance:
    """Working ones first, then those that miss a target, then by how many times the memory or nodes it would take.

    Twice the nodes come first: that is a step which people take.
    """
    if isinstance(choice, Option) or _is_beyond(group, choice):
        return (2, *_lack(group, choice))
    if choice.problem:
        return (1, choice.excess, *option_order(field.wanted, choice))
    return (0, *option_order(field.wanted, choice))


def close(group: Group, count: int) -> list[Option | Rated]:
    """The nearest ratings of a group and the nearest of what failed in it, at most so many of each."""
    ratings = sorted(group.ratings, key=lambda rating: _is_beyond(group, rating))[:count]
    return [*ratings, *heapq.nsmallest(count, group.failed, key=lambda option: _lack(group, option))]


def _is_beyond(group: Group, rating: Rated) -> bool:
    """Whether no pool has nodes enough, or large enough."""
    return rating.nodes > 1 and all(node_problem(pool, rating) for pool in group.pools)


def _lack(group: Group, choice: Option | Rated) -> Distance:
    """What lacks memory or nodes first, the part that it lacks the smallest before the others."""
    option = choice if isinstance(choice, Option) else choice.option
    impossible = option.blocked is not None and option.blocked.reason not in OVER_NODES
    times = 1 + option.missing_bytes / option.kind.memory_bytes if option.missing_bytes else _nodes(group, option)
    return (impossible, times, option.kind.on_cpu, option.offer.quality, option.shape)


def _nodes(group: Group, option: Option) -> float:
    """Nodes that it takes for each that the largest pool has; 1 where that is near."""
    times = option.nodes / max(1, *(len(pool.nodes) for pool in group.pools))
    return times if times > _NEAR else 1.0
