"""Why a candidate that fits in memory is not the one chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.intent import Objective
from qwen3_operator.sizing.cost import cost_per_hour
from qwen3_operator.sizing.explain import over_nodes
from qwen3_operator.sizing.reasons import Problem, Reason
from qwen3_operator.sizing.search import budget_problem, candidate_problem
from qwen3_operator.sizing.text import counted, milliseconds, money
from qwen3_operator.sizing.timing import request_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.inventory import Pool
    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.rating import Rated
    from qwen3_operator.sizing.search import Assigned


def rejection(field: Field, pool: Pool, rating: Rated, assigned: Sequence[Assigned]) -> Problem:
    """Why a candidate that fits in memory is not chosen."""
    if problem := candidate_problem(field, pool, rating) or budget_problem(field, pool, rating):
        return problem
    room = field.free(pool, rating)
    if room >= rating.replicas and (refused := quota_words(field, pool, rating)):
        return Problem(Reason.QUOTA_EXCEEDED, refused)
    if room < rating.replicas or not assigned:
        return Problem(Reason.NO_ROOM, f"{takes(field, rating)}, room for {room}")
    return _worse(field, pool, rating, assigned[0])


def quota_words(field: Field, pool: Pool, rating: Rated) -> str:
    """The quota that does not allow all replicas; empty where quotas do."""
    demand = field.demand(rating)
    limit = field.quotas.tightest(pool.resource_name, demand)
    if limit is None or field.allowed(rating.replicas, pool, rating) == rating.replicas:
        return ""
    return limit.needs(pool.resource_name, demand, rating.replicas)


def takes(field: Field, rating: Rated) -> str:
    """How many replicas it takes, and whether the load or the spec says so."""
    replicas = counted(rating.replicas, "replica")
    by_load = field.wanted.traffic.replicas is None and rating.replicas > 1
    return f"the load takes {replicas}" if by_load else f"{replicas} wanted"


def likeness(field: Field, rating: Rated, assigned: Sequence[Assigned]) -> tuple[object, ...]:
    """Ratings of one group with equal values are rejected for the same reason in every pool."""
    if rating.problem:
        return (rating.problem.reason,)
    worse: tuple[object, ...] = ()
    if assigned:
        best = assigned[0].candidate.rating
        slower = field.wanted.objective is Objective.LATENCY and _slower(field, rating, best)
        worse = (slower.reason if slower else None, rating.offer.quality > best.offer.quality)
    memory = rating.option.fit.space.total if rating.option.fit and rating.kind.on_cpu else 0
    size = rating.offer.model.parameters if rating.kind.on_cpu else 0
    return (rating.shape.devices, rating.replicas, rating.doubtful, memory, size, *worse)


def _worse(field: Field, pool: Pool, rating: Rated, best: Assigned) -> Problem:
    """What the chosen one has over a candidate that would work."""
    wanted, other = field.wanted, best.candidate.rating
    if rating.doubtful and not other.doubtful:
        name = rating.kind.accelerator.name + over_nodes(rating.nodes)
        return Problem(Reason.SPEED_UNKNOWN, f"no speed is known for {name}, so whether it is fast enough")
    if wanted.objective is Objective.LATENCY and (slower := _slower(field, rating, other)):
        return slower
    if wanted.objective is Objective.QUALITY and rating.offer.quality > other.offer.quality:
        return Problem(Reason.LOWER_QUALITY, f"{rating.offer.name} instead of {other.offer.name}")
    if problem := _dearer(pool, rating, best):
        return problem
    if rating.offer.quality > other.offer.quality:
        return Problem(Reason.LOWER_QUALITY, f"{rating.offer.name} instead of {other.offer.name}, at no lower cost")
    taken = best.candidate.pool
    where = f"with {other.shape}" if taken.name == pool.name else f"on the chosen pool {taken.name}"
    return Problem(Reason.OTHER_PREFERRED, f"{counted(rating.devices, 'device')} as {where}, which comes first")


def _slower(field: Field, rating: Rated, best: Rated) -> Problem | None:
    if best.speed is None:
        return None
    if rating.speed is None:
        name = rating.kind.accelerator.name + over_nodes(rating.nodes)
        return Problem(Reason.SPEED_UNKNOWN, f"no speed is known for {name}")
    time, least = request_seconds(rating.speed, field.wanted.traffic), request_seconds(best.speed, field.wanted.traffic)
    if time <= least:
        return None
    return Problem(Reason.SLOWER, f"a request takes {milliseconds(time)} instead of {milliseconds(least)}")


def _dearer(pool: Pool, rating: Rated, best: Assigned) -> Problem | None:
    """Price first where both pools have one, else devices."""
    other, price, paid = best.candidate.rating, pool.price_per_device_hour, best.candidate.pool.price_per_device_hour
    if price is not None and paid is not None:
        cost, least = cost_per_hour(price, rating.devices), cost_per_hour(paid, other.devices)
        if cost > least:
            return Problem(Reason.COSTS_MORE, f"{money(cost)} per hour instead of {money(least)}")
    if price is None and paid is not None:
        return Problem(Reason.PRICE_UNKNOWN, "the pool has no price; pools with one come first")
    if rating.devices <= other.devices:
        return None
    if rating.replicas == other.replicas:
        number = f"{counted(rating.shape.devices, 'device')} per replica instead of {other.shape.devices}"
    else:
        number = f"{counted(rating.devices, 'device')} in all instead of {other.devices}"
    return Problem(Reason.MORE_DEVICES, number)
