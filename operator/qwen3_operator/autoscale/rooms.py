"""What there is room for, looked at rarely: for all deployments in turn, a few in each round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.autoscale.capacity import Room
from qwen3_operator.inventory import Demand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.reconcile.planner import Planner

_PERIOD_SECONDS = 60.0
"""Between two looks for one deployment, where there are few; nodes and what is free change slowly."""
_EACH_ROUND = 50
"""Looks in one round; some 2 ms each."""


class Rooms:
    """Room and price by deployment and pool."""

    def __init__(self, planner: Planner, clock: Callable[[], float]) -> None:
        self._planner = planner
        self._clock = clock
        self._known: dict[Key, tuple[float, Mapping[str, Room]]] = {}

    def of(self, key: Key) -> Mapping[str, Room]:
        """By pool; empty before the first look."""
        return self._known[key][1] if key in self._known else {}

    async def refresh(self, plans: Mapping[Key, PlanStatus]) -> None:
        """Look again where the last look is oldest.

        Raises:
            ApiError: nodes or pods could not be listed.
        """
        self._known = {key: known for key, known in self._known.items() if key in plans}
        for key in self._due(plans):
            inventory = await self._planner.room(key, _PERIOD_SECONDS / 2)
            rooms: dict[str, Room] = {}
            for placement in plans[key].placements:
                if pool := inventory.pools.get(placement.pool):
                    price = pool.price_per_device_hour
                    cost = None if price is None else float(price) * placement.devices_per_replica
                    rooms[placement.pool] = Room(pool.room(Demand.of(placement)), cost)
            self._known[key] = self._clock(), rooms

    def _due(self, plans: Iterable[Key]) -> list[Key]:
        looked = {key: self._known[key][0] if key in self._known else float("-inf") for key in plans}
        due = [key for key, at in looked.items() if self._clock() - at >= _PERIOD_SECONDS]
        return sorted(due, key=lambda key: looked[key])[:_EACH_ROUND]
