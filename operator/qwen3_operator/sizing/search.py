"""Which candidates carry the load: one pool where one has the room, else several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING

from qwen3_operator.sizing.cost import cost_per_hour, total_cost
from qwen3_operator.sizing.order import candidate_order, part_order
from qwen3_operator.sizing.rating import with_share
from qwen3_operator.sizing.reasons import Problem, Reason
from qwen3_operator.sizing.text import counted, money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qwen3_operator.inventory import Pool
    from qwen3_operator.sizing.field import Field, Group
    from qwen3_operator.sizing.rating import Rated

_SURE = 1e-6
"""Load below this is rounding."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rated option in one pool."""

    pool: Pool
    rating: Rated

    @property
    def on_cpu(self) -> bool:
        """Whether it runs without an accelerator."""
        return self.rating.kind.on_cpu

    @property
    def cost(self) -> Decimal | None:
        """Per hour, of all its replicas; None where the pool has no price."""
        price = self.pool.price_per_device_hour
        return None if price is None else price * self.rating.devices


@dataclass(frozen=True, slots=True)
class Assigned:
    """Replicas that go to one pool."""

    candidate: Candidate
    replicas: int


def candidate_problem(field: Field, pool: Pool, rating: Rated) -> Problem | None:
    """Why an option that fits in memory is not possible in a pool, room apart."""
    if rating.problem:
        return rating.problem
    if rating.kind.on_cpu:
        return field.cpu_problem(pool, rating.offer.model.parameters)
    return node_problem(pool, rating)


def node_problem(pool: Pool, rating: Rated) -> Problem | None:
    """Why the pool's nodes are too small, or too few of them large enough."""
    devices, nodes = rating.shape.devices, rating.nodes
    if devices > nodes * pool.largest_node:
        return Problem(Reason.NEEDS_SEVERAL_NODES, f"{devices} devices; a node of the pool has {pool.largest_node}")
    if nodes == 1:
        return None
    able = sum(node.devices * nodes >= devices for node in pool.nodes)
    if able >= nodes:
        return None
    number = f"{devices} devices of {nodes} nodes would hold it; the pool has {counted(able, 'such node')}"
    return Problem(Reason.NEEDS_SEVERAL_NODES, number)


def budget_problem(field: Field, pool: Pool, rating: Rated) -> Problem | None:
    """Why the budget does not allow all replicas in one pool."""
    budget, price = field.wanted.budget, pool.price_per_device_hour
    if budget is None:
        return None
    if price is None:
        return Problem(Reason.PRICE_UNKNOWN, "the pool has no price, spec.hardware.maxCostPerHour is set")
    cost = cost_per_hour(price, rating.devices)
    if cost > budget:
        number = f"{money(cost)} per hour for {counted(rating.devices, 'device')}, budget {money(budget)}"
        return Problem(Reason.ABOVE_BUDGET, number)
    return None


def assign(field: Field) -> list[Assigned]:
    """Replicas by candidate, the best first; empty where the load finds no room."""
    whole = [
        Candidate(pool, rating)
        for group, pool in field.pairs()
        if (rating := _first(field, group, pool, lambda pool, rating: _carries(field, pool, rating)))
    ]
    if whole:
        best = min(whole, key=lambda found: candidate_order(field.wanted, found.rating, found.pool))
        return [Assigned(best, best.rating.replicas)]
    return _spread(field)


def _carries(field: Field, pool: Pool, rating: Rated) -> bool:
    return field.room(pool, rating) >= rating.replicas and budget_problem(field, pool, rating) is None


def _first(field: Field, group: Group, pool: Pool, good: Callable[[Pool, Rated], bool]) -> Rated | None:
    """The best option of a pool that is possible there and good."""
    for rating in group.ratings:
        if candidate_problem(field, pool, rating) is None and good(pool, rating):
            return rating
    return None


def _spread(field: Field) -> list[Assigned]:
    """Over several pools, all with one model, each pool with one format and shape."""
    wanted = field.wanted
    for model in dict.fromkeys(candidate.rating.offer.model.name for candidate in _parts(field, None)):
        assigned = _filled(field, _parts(field, model))
        if assigned and (wanted.budget is None or (cost_of(assigned) or Decimal(0)) <= wanted.budget):
            return assigned
    return []


def _parts(field: Field, model: str | None) -> list[Candidate]:
    """The best option of every pool that has room for any replica of it, the cheapest first."""
    found = []
    for group, pool in field.pairs():
        if field.wanted.budget is not None and pool.price_per_device_hour is None:
            continue
        rating = _first(
            field,
            group,
            pool,
            lambda pool, rating: (
                field.room(pool, rating) > 0 and rating.unit > 0 and model in {None, rating.offer.model.name}
            ),
        )
        if rating:
            found.append(Candidate(pool, rating))
    return sorted(found, key=lambda part: part_order(field.wanted, part.rating, part.pool))


def _filled(field: Field, parts: Sequence[Candidate]) -> list[Assigned]:
    """Pool after pool takes what it has room for and the quotas leave; empty where something is left over."""
    traffic = field.wanted.traffic
    left, quotas = float(traffic.replicas or traffic.rate or traffic.concurrency), field.quotas
    assigned: list[Assigned] = []
    for part in parts:
        if left <= _SURE:
            break
        unit = 1.0 if traffic.replicas else part.rating.unit
        free = field.allowed(field.free(part.pool, part.rating), part.pool, part.rating, quotas)
        count = min(free, ceil(left / unit - _SURE))
        if not count:
            continue
        quotas = quotas.less(part.pool.resource_name, field.demand(part.rating), count)
        load = min(left, count * unit)
        left -= load
        assigned.append(Assigned(_with_share(field, part, count, load / count), count))
    return assigned if left <= _SURE else []


def _with_share(field: Field, part: Candidate, count: int, load: float) -> Candidate:
    """The part with the speed that its replicas have under their own share."""
    traffic, rating = field.wanted.traffic, part.rating
    if traffic.replicas is not None:
        return part
    share = min(rating.most, ceil(load - _SURE)) if traffic.rate is None else rating.most
    return replace(part, rating=with_share(rating, count, share, field.wanted, field.catalog))


def cost_of(assigned: Sequence[Assigned]) -> Decimal | None:
    """Of all parts per hour; None where a pool has no price."""
    return total_cost(
        (part.candidate.pool.price_per_device_hour, part.replicas * part.candidate.rating.shape.devices)
        for part in assigned
    )
