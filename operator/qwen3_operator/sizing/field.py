"""Everything that could be chosen from: pools of one kind share the options and ratings of their devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qwen3_operator.catalog import CPU
from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory import Demand, Quotas
from qwen3_operator.sizing.options import Kind, OptionMaker, kind_key
from qwen3_operator.sizing.order import option_order
from qwen3_operator.sizing.rating import Rated, rated
from qwen3_operator.sizing.reasons import Problem, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory, Pool
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.options import Option

SMALL_MODEL_PARAMETERS = 2_000_000_000
"""Up to this size a CPU node is tried without being asked for, where no accelerator could run the model."""


@dataclass(frozen=True, slots=True)
class Group:
    """Pools of one kind of device."""

    kind: Kind
    pools: tuple[Pool, ...]
    failed: tuple[Option, ...]
    """What cannot be, or has not the memory."""
    ratings: tuple[Rated, ...]
    """The rest: those that carry the load first, each part the best first."""

    sizes: tuple[Rated, ...]
    """One rating of each demand on a node."""

    @property
    def choices(self) -> tuple[Option | Rated, ...]:
        """All of them, ratings first."""
        return (*self.ratings, *self.failed)


@dataclass(slots=True)
class Field:
    """All groups, and the room in their pools."""

    wanted: Wanted
    catalog: Catalog
    groups: tuple[Group, ...]
    unselected: tuple[tuple[Pool, Problem], ...]
    accelerated: bool
    """Whether an accelerator has the memory for any offer: then CPU nodes are taken only where they are named."""
    quotas: Quotas
    """Of the namespace."""
    _room: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def demand(self, rating: Rated) -> Demand:
        """What one pod of a replica takes of its node."""
        cost = self.wanted.engine.cost(rating.kind.accelerator.device)
        if rating.kind.on_cpu:
            total = rating.option.fit.plan.total if rating.option.fit else 0
            return Demand(0, cost.cpu_millicores_per_device, total)
        devices = rating.shape.devices // rating.nodes
        memory = round(devices * cost.host_memory_per_device * MIB)
        memory += rating.option.fit.host_bytes if rating.option.fit else 0
        return Demand(devices, devices * cost.cpu_millicores_per_device, memory, rating.nodes)

    def room(self, pool: Pool, rating: Rated) -> int:
        """Replicas that fit on what is free and that the quotas allow."""
        return self.allowed(self.free(pool, rating), pool, rating)

    def allowed(self, replicas: int, pool: Pool, rating: Rated, quotas: Quotas | None = None) -> int:
        """As many of these replicas as the quotas allow, or what is left of them."""
        left = self.quotas if quotas is None else quotas
        return left.cap(replicas, pool.resource_name, self.demand(rating)) if left.limits else replicas

    def free(self, pool: Pool, rating: Rated) -> int:
        """Replicas that fit on what is free, whatever quotas say."""
        fit = rating.option.fit
        key = (pool.name, rating.shape.devices, fit.host_share if fit else 0)
        found = self._room.get(key)
        if found is None:
            found = self._room[key] = pool.room(self.demand(rating))
        return found

    def likeness(self, group: Group, pool: Pool) -> tuple[object, ...]:
        """Pools of a group with equal values are rejected for the same reasons."""
        if group.kind.on_cpu:
            return (pool.name,)
        rooms = tuple((self.free(pool, rating), self.room(pool, rating)) for rating in group.sizes)
        return (pool.price_per_device_hour, pool.largest_node, pool.resource_name, rooms)

    def cpu_problem(self, pool: Pool, offer_parameters: int) -> Problem | None:
        """Why a CPU pool is not taken, though the model would fit."""
        if CPU in self.wanted.accelerators or pool.name in self.wanted.pools:
            return None
        if offer_parameters > SMALL_MODEL_PARAMETERS:
            number = (
                f"{offer_parameters / 1e9:.1f} billion parameters; CPU nodes are tried up to 2 billion, or where "
                "spec.hardware names them"
            )
            return Problem(Reason.TOO_LARGE_FOR_CPU, number)
        if self.accelerated:
            return Problem(
                Reason.ACCELERATOR_PREFERRED,
                "an accelerator can run it; spec.hardware.accelerators: [CPU] asks for CPU",
            )
        return None

    def pairs(self) -> Iterator[tuple[Group, Pool]]:
        """Every pool with its group, in the order of groups and names."""
        for group in self.groups:
            for pool in group.pools:
                yield group, pool


def survey(wanted: Wanted, inventory: Inventory, catalog: Catalog) -> Field:
    """Options of every kind of device in the inventory, rated under the load."""
    selected: dict[tuple[str, float, int], list[Pool]] = {}
    unselected: list[tuple[Pool, Problem]] = []
    for pool in inventory.pools.values():
        problem = _not_selected(wanted, pool)
        if problem:
            unselected.append((pool, problem))
        else:
            selected.setdefault(kind_key(pool), []).append(pool)
    maker = OptionMaker(wanted, inventory.groups)
    groups: list[tuple[Kind, list[Pool], list[Option]]] = []
    for key, pools in selected.items():
        kind = Kind(pools[0].accelerator, key[2], max(pool.largest_node for pool in pools))
        groups.append((kind, pools, maker.options(kind)))
    fitting = [option for _, _, options in groups for option in options if option.fits]
    ratings = iter(rated(fitting, wanted, catalog))
    accelerated = any(not option.kind.on_cpu for option in fitting)
    return Field(
        wanted=wanted,
        catalog=catalog,
        groups=tuple(_group(wanted, kind, pools, options, ratings) for kind, pools, options in groups),
        unselected=tuple(unselected),
        accelerated=accelerated,
        quotas=inventory.quotas,
    )


def _group(wanted: Wanted, kind: Kind, pools: list[Pool], options: list[Option], ratings: Iterator[Rated]) -> Group:
    """Takes from ``ratings`` as many as there are options that fit."""
    own = [next(ratings) for option in options if option.fits]
    ordered = sorted(own, key=lambda rating: (_lateness(rating), option_order(wanted, rating)))
    return Group(
        kind=kind,
        pools=tuple(pools),
        failed=tuple(option for option in options if not option.fits),
        ratings=tuple(ordered),
        sizes=tuple({(rating.shape.devices, _host_share(rating)): rating for rating in ordered}.values()),
    )


def _host_share(rating: Rated) -> int:
    return rating.option.fit.host_share if rating.option.fit else 0


def _lateness(rating: Rated) -> float:
    """0 for what carries the load, else how far it is from the targets."""
    return max(1.0, rating.excess) if rating.problem else 0.0


def _not_selected(wanted: Wanted, pool: Pool) -> Problem | None:
    if wanted.pools and pool.name not in wanted.pools:
        return Problem(Reason.NOT_SELECTED, f"spec.hardware.pools names {', '.join(sorted(wanted.pools))}")
    if wanted.accelerators and pool.accelerator.name not in wanted.accelerators:
        return Problem(
            Reason.NOT_SELECTED, f"spec.hardware.accelerators names {', '.join(sorted(wanted.accelerators))}"
        )
    return None
