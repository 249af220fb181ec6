"""Whole replicas on placements: the cheapest first, the dearest gone first, and only what the rest can carry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.scaling.shadows import REST, REST_SHARE
from qwen3_operator.scaling.types import Capacity, Fleet, Policy, Stop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CLOSE = 1e-9


class Place(NamedTuple):
    """One placement at one moment."""

    capacity: Capacity
    size: float
    """Of a replica, in replicas of the unit."""
    fleet: Fleet

    @property
    def price(self) -> float:
        """Per hour and unit."""
        return self.capacity.price_per_hour / self.size


@dataclass(frozen=True, slots=True)
class Places:
    """All placements of a deployment, the cheapest first."""

    ordered: tuple[Place, ...]

    @staticmethod
    def of(capacities: Sequence[Capacity], fleets: Sequence[Fleet], sizes: Mapping[str, float]) -> Places:
        """A placement without pods is an empty fleet; pods of a placement without capacity are not ours."""
        found = {fleet.placement: fleet for fleet in fleets}
        places = [
            Place(one, sizes[one.placement], found.get(one.placement) or Fleet(one.placement, 0)) for one in capacities
        ]
        if len(places) > 1:
            places.sort(key=lambda place: (place.price, place.capacity.placement))
        return Places(tuple(places))

    @property
    def counts(self) -> dict[str, int]:
        """Replicas that were asked for."""
        return {place.capacity.placement: place.fleet.replicas for place in self.ordered}

    @property
    def ready(self) -> float:
        """What serves, in units."""
        return sum(place.fleet.ready * place.size for place in self.ordered)

    @property
    def pending(self) -> bool:
        """Whether replicas are on their way."""
        return any(place.fleet.pending for place in self.ordered)

    @property
    def next_startup(self) -> float:
        """Seconds that the next replica takes: of the cheapest placement with room."""
        roomy = (place for place in self.ordered if place.fleet.replicas < place.capacity.available)
        return next(roomy, self.ordered[0]).capacity.startup_seconds

    def carried(self, counts: Mapping[str, int]) -> float:
        """What so many replicas carry, in units."""
        total = 0.0
        for place in self.ordered:
            total += counts[place.capacity.placement] * place.size
        return total

    def granted(
        self, wanted: float, kept: float, arriving: float, policy: Policy, *, lower: bool
    ) -> tuple[dict[str, int], set[Stop]]:
        """Replicas of each placement, and what kept them from the wanted.

        Args:
            wanted: in units.
            kept: what the fleet may go down to, in units.
            arriving: work in units that ready replicas must carry at any moment.
            policy: its bounds.
            lower: whether fewer may be granted than there are; above maxReplicas they always go.
        """
        counts, stopped = self.counts, set[Stop]()
        if self.carried(counts) < wanted - _CLOSE:
            stopped |= self._raise(counts, wanted, policy.max_replicas)
        elif lower:
            stopped |= self._lower(counts, kept, arriving, policy.min_replicas)
        if not policy.min_replicas <= sum(counts.values()) <= policy.max_replicas:
            stopped |= self._bounded(counts, policy)
        return counts, stopped

    def _bounded(self, counts: dict[str, int], policy: Policy) -> set[Stop]:
        for place in self.ordered:
            missing = policy.min_replicas - sum(counts.values())
            _add(counts, place, missing)
        for place in reversed(self.ordered):
            surplus = sum(counts.values()) - policy.max_replicas
            counts[place.capacity.placement] -= max(0, min(surplus, counts[place.capacity.placement]))
        return self._lack() if sum(counts.values()) < policy.min_replicas else set()

    def _raise(self, counts: dict[str, int], wanted: float, most: int) -> set[Stop]:
        """The cheapest with room first; what does not fit there goes to the next."""
        for place in self.ordered:
            missing = math.ceil((wanted - self.carried(counts)) / place.size - _CLOSE)
            _add(counts, place, min(missing, most - sum(counts.values())))
        if self.carried(counts) >= wanted - _CLOSE:
            return set()
        return {Stop.MAX_REPLICAS} if sum(counts.values()) >= most else self._lack()

    def _lack(self) -> set[Stop]:
        """What keeps placements from growing where all of them are full."""
        return {Stop.QUOTA_EXCEEDED if place.capacity.quota else Stop.NO_ROOM for place in self.ordered}

    def _lower(self, counts: dict[str, int], kept: float, arriving: float, fewest: int) -> set[Stop]:
        """The dearest goes first; pending pods of a placement go before its ready ones."""
        there = sum(counts.values())
        for place in reversed(self.ordered):
            name = place.capacity.placement
            least = kept + (REST + REST_SHARE * there) * place.size - _CLOSE
            while counts[name] and self.carried(counts) - place.size >= least:
                if sum(counts.values()) <= fewest:
                    return {Stop.MIN_REPLICAS}
                fewer = counts | {name: counts[name] - 1}
                if fewer[name] < place.fleet.ready and self._serving(fewer) < arriving:
                    return {Stop.REST_CANNOT_CARRY}
                counts[name] -= 1
        return set()

    def _serving(self, counts: Mapping[str, int]) -> float:
        return sum(min(counts[p.capacity.placement], p.fleet.ready) * p.size for p in self.ordered)


def _add(counts: dict[str, int], place: Place, missing: int) -> None:
    name = place.capacity.placement
    counts[name] += max(0, min(missing, place.capacity.available - counts[name]))
