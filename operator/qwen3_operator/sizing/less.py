"""The most load that there is room for, where there is none for all of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from qwen3_operator.sizing.attempts import Attempt, says
from qwen3_operator.sizing.rating import grown
from qwen3_operator.sizing.search import candidate_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.inventory import Pool
    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.needs import Traffic, Wanted
    from qwen3_operator.sizing.rating import Rated

_LITTLE = 0.1
"""Requests per second that stand for hardly any load, and the step in which less is proposed."""


def least_load(wanted: Wanted) -> Wanted:
    """With one request in flight, or hardly any per second."""
    traffic = wanted.traffic
    return replace(wanted, traffic=replace(traffic, concurrency=1, rate=None if traffic.rate is None else _LITTLE))


def less_load(field: Field, asked: Traffic) -> Iterator[Attempt]:
    """As many replicas, then as much load, as there is room for."""
    fewer = ""
    if asked.replicas is not None:
        room = _replicas(field)
        if not room:
            return
        if room < asked.replicas:
            asked, fewer = replace(asked, replicas=room), f"spec.replicas: {room}"
            yield Attempt(replace(field.wanted, traffic=asked), says(fewer))
    found = loads(field, asked.replicas).values()
    # In all pools, or where those do not go together in one.
    for load in dict.fromkeys((max(map(sum, found), default=0.0), max(map(max, found), default=0.0))):
        if attempt := with_load(field.wanted, asked, load, fewer):
            yield attempt


def loads(field: Field, replicas: int | None) -> dict[str, list[float]]:
    """By model, how much so many replicas carry in each pool, in the format and shape that carries most."""
    found: dict[str, list[float]] = {}
    for group, pool in field.pairs():
        most: dict[str, float] = {}
        for rating in group.ratings:
            if candidate_problem(field, pool, rating) is None:
                name = rating.offer.model.name
                most[name] = max(most.get(name, 0.0), _carried(field, pool, rating, replicas))
        for name, carried in most.items():
            found.setdefault(name, []).append(carried)
    return found


def _carried(field: Field, pool: Pool, rating: Rated, replicas: int | None) -> float:
    """Load of so many replicas, or of all that there is room for. A pod on a CPU node grows with its requests."""
    if not rating.kind.on_cpu:
        room = field.room(pool, rating)
        return rating.unit * (room if replicas is None else min(room, replicas))

    def room_for(requests: int) -> int:
        return field.room(pool, replace(rating, option=grown(rating.option, field.wanted, requests)))

    needed = max(1, room_for(rating.most)) if replicas is None else min(room_for(1), replicas)
    held = bisect_right(range(1, rating.most + 1), -needed, key=lambda requests: -room_for(requests))
    return rating.unit * needed * held / max(1, rating.most)


def with_load(wanted: Wanted, asked: Traffic, load: float, words: str = "") -> Attempt | None:
    """With ``load`` instead of what is asked for; None where that is nothing, or no less."""
    if asked.rate is None:
        less = replace(asked, concurrency=int(load))
        number, text = less.concurrency, f"spec.workload.concurrency: {less.concurrency}"
        if not 0 < number < asked.concurrency:
            return None
    else:
        rate = int(load / _LITTLE) * _LITTLE
        less, text = replace(asked, rate=rate), f'spec.workload.requestsPerSecond: "{rate:.1f}"'
        if not 0 < rate < asked.rate:
            return None
    return Attempt(replace(wanted, traffic=less), says(f"{words} and {text}" if words else text))


def _replicas(field: Field) -> int:
    """Replicas that there is room for, in the shape of each pool that takes the least."""
    total, quotas = 0, field.quotas
    for group, pool in field.pairs():
        able = [rating for rating in group.ratings if candidate_problem(field, pool, rating) is None]
        rooms = [(field.allowed(field.free(pool, rating), pool, rating, quotas), rating) for rating in able]
        room, most = max(rooms, key=lambda found: found[0], default=(0, None))
        if most:
            total, quotas = total + room, quotas.less(pool.resource_name, field.demand(most), room)
    return total
