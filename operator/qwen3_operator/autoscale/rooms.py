"""What there is room for, looked at rarely: for all deployments in turn, a few in each round."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.autoscale.capacity import Room
from qwen3_operator.inventory import Demand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qwen3_operator.api.status import Placement, PlanStatus
    from qwen3_operator.inventory import Inventory, Quotas
    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.reconcile.planner import Planner

_PERIOD_SECONDS = 60.0
"""Between two looks for one deployment, where there are few; nodes and what is free change slowly."""
_EACH_ROUND = 50
"""Looks in one round; some 2 ms each."""


class _Look(NamedTuple):
    """What was found for one deployment."""

    at: float
    pools: Mapping[str, Room]
    """By pool, whatever quotas say."""
    quotas: Quotas
    """What they leave its pods, those that it has included."""


class Rooms:
    """Room and price by deployment and pool."""

    def __init__(self, planner: Planner, clock: Callable[[], float]) -> None:
        self._planner = planner
        self._clock = clock
        self._known: dict[Key, _Look] = {}

    def of(self, key: Key, plan: PlanStatus) -> Mapping[str, Room]:
        """By pool; empty before the first look."""
        look = self._known.get(key)
        return _allowed(plan.placements, look.pools, look.quotas) if look else {}

    async def refresh(self, plans: Mapping[Key, PlanStatus]) -> None:
        """Look again where the last look is oldest.

        Raises:
            ApiError: nodes or pods could not be listed.
        """
        self._known = {key: known for key, known in self._known.items() if key in plans}
        for key in self._due(plans):
            inventory = await self._planner.room(key, _PERIOD_SECONDS / 2)
            self._known[key] = _Look(self._clock(), _found(plans[key].placements, inventory), inventory.quotas)

    def granted(self, key: Key, plan: PlanStatus, counts: Mapping[str, int]) -> None:
        """Replicas that a deployment is about to get: its namespace's quotas leave the others so much less."""
        for placed in plan.placements:
            more = counts.get(placed.pool, 0) - placed.replicas
            for other in (other for other in self._known if other.namespace == key.namespace and other != key):
                look = self._known[other]
                if more > 0 and look.quotas.limits:
                    left = look.quotas.less(placed.resource_name, Demand.of(placed), more)
                    self._known[other] = look._replace(quotas=left)

    def _due(self, plans: Iterable[Key]) -> list[Key]:
        looked = {key: self._known[key].at if key in self._known else float("-inf") for key in plans}
        due = [key for key, at in looked.items() if self._clock() - at >= _PERIOD_SECONDS]
        return sorted(due, key=lambda key: looked[key])[:_EACH_ROUND]


def _found(placements: Iterable[Placement], inventory: Inventory) -> dict[str, Room]:
    """Replicas that fit on what is free, by pool."""
    rooms: dict[str, Room] = {}
    for placed in placements:
        if pool := inventory.pools.get(placed.pool):
            price = pool.price_per_device_hour
            cost = None if price is None else float(price) * placed.devices_per_replica
            rooms[placed.pool] = Room(pool.room(Demand.of(placed)), cost)
    return rooms


def _allowed(placements: Iterable[Placement], rooms: Mapping[str, Room], quotas: Quotas) -> dict[str, Room]:
    """As far as quotas go.

    They are one for all pools whose devices have one name. What they leave beside the replicas that there are is dealt
    out in the order of the plan, so that pools that each take all of theirs do not take more than is allowed.
    """
    ordered = [(placed, Demand.of(placed), rooms[placed.pool]) for placed in placements if placed.pool in rooms]
    for placed, demand, _ in ordered:
        quotas = quotas.less(placed.resource_name, demand, placed.replicas)
    allowed: dict[str, Room] = {}
    for placed, demand, room in ordered:
        more = max(0, room.replicas - placed.replicas)
        limit, fewer = quotas.tightest(placed.resource_name, demand), quotas.cap(more, placed.resource_name, demand)
        most = Room(placed.replicas + fewer, room.price, limit.words) if limit and fewer < more else room
        quotas = quotas.less(placed.resource_name, demand, fewer)
        allowed[placed.pool] = most
    return allowed
