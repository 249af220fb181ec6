"""``plan(spec, inventory, catalog)``: the best placement that works, or what stands against one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.api.status import Placement, PlanStatus
from qwen3_operator.sizing.advice import advice
from qwen3_operator.sizing.binding import binding
from qwen3_operator.sizing.cost import cost_of, cost_per_hour
from qwen3_operator.sizing.explain import summary
from qwen3_operator.sizing.failure import PlanFailure
from qwen3_operator.sizing.field import Field, survey
from qwen3_operator.sizing.judge import judged, rejections
from qwen3_operator.sizing.needs import spec_digest, wanted
from qwen3_operator.sizing.nofit import no_fit
from qwen3_operator.sizing.placing import placement
from qwen3_operator.sizing.search import Assigned, assign
from qwen3_operator.sizing.text import money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.sizing.judge import Judged


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A plan or a failure, and every candidate that was looked at."""

    answer: PlanStatus | PlanFailure
    field: Field | None
    """None where the spec itself is wrong."""
    assigned: tuple[Assigned, ...] = ()

    @property
    def candidates(self) -> tuple[Judged, ...]:
        """Every candidate, chosen or rejected with one reason and one number."""
        return tuple(judged(self.field, self.assigned)) if self.field else ()


def plan(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog) -> PlanStatus | PlanFailure:
    """Where and how the replicas of ``spec`` run.

    Candidates are model x format x pool x parallelism; those that can be, have the memory and meet the targets are
    ordered by the objective. All replicas go to one pool where one has the room, else to several. CPU nodes are taken
    where hardware names them, or for small models where no accelerator could ever run it. The same arguments give the
    same answer.
    """
    return evaluate(spec, inventory, catalog).answer


def evaluate(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog) -> Evaluation:
    """The plan, with what every other candidate would have been."""
    asked = wanted(spec, inventory, catalog)
    if isinstance(asked, PlanFailure):
        return Evaluation(asked, None)
    field = survey(asked, inventory, catalog)
    assigned = tuple(assign(field))
    if not assigned:
        hint = advice(spec, inventory, catalog, field) if inventory.pools else ""
        return Evaluation(no_fit(field, inventory, hint), field)
    ratings = [part.candidate.rating for part in assigned]
    counts = [part.replicas if spec.replicas is None else min(part.replicas, spec.replicas) for part in assigned]
    placements = _with_surge(
        (placement(field, part, count) for part, count in zip(assigned, counts, strict=True)), inventory
    )
    listed, by_reason = rejections(field, assigned)
    model = ratings[0].offer.model.name
    answer = PlanStatus(
        model=model,
        context_length=ratings[0].offer.context_length,
        catalog_version=catalog.version,
        spec_digest=spec_digest(spec),
        summary=summary(asked, model, placements, ratings),
        binding=binding(field, assigned),
        cost_per_hour=_money(cost_of(placements, inventory)),
        placements=placements,
        rejected=listed,
        rejected_counts=by_reason,
    )
    return Evaluation(answer, field, assigned)


def with_replicas(plan: PlanStatus, replicas: int, inventory: Inventory) -> PlanStatus:
    """The plan with another number of replicas: same pools, same shape.

    Each placement takes what its pool has room for; what fits nowhere is added to the first, whose pods then wait.
    """
    left, free = replicas, inventory
    counts: list[int] = []
    for placed in plan.placements:
        counts.append(min(left, free.room(placed)))
        left, free = left - counts[-1], free.after(placed, counts[-1])
    counts[0] += left
    by_pool = {placed.pool: count for placed, count in zip(plan.placements, counts, strict=True)}
    return with_counts(plan, by_pool, inventory)


def with_counts(plan: PlanStatus, counts: Mapping[str, int], inventory: Inventory) -> PlanStatus:
    """The plan with other numbers of replicas by pool; a pool that is not named keeps its own."""
    changed = _with_surge(
        (_scaled(placed, counts.get(placed.pool, placed.replicas), inventory) for placed in plan.placements), inventory
    )
    return plan.model_copy(update={"placements": changed, "cost_per_hour": _money(cost_of(changed, inventory))})


def has_room(plan: PlanStatus, inventory: Inventory) -> bool:
    """Whether every placement still finds the room that it was planned on."""
    free = inventory
    for placed in plan.placements:
        if free.room(placed) < placed.replicas:
            return False
        free = free.after(placed, placed.replicas)
    return True


def _scaled(placed: Placement, count: int, inventory: Inventory) -> Placement:
    pool = inventory.pools.get(placed.pool)
    price = pool.price_per_device_hour if pool else None
    cost = None if price is None else cost_per_hour(price, count * placed.devices_per_replica)
    return placed.model_copy(update={"replicas": count, "cost_per_hour": _money(cost)})


def _with_surge(placements: Iterable[Placement], inventory: Inventory) -> tuple[Placement, ...]:
    """Whether one replica more than there are has room, in each pool alone: a rollout makes it before it ends one.

    The quotas are one for all placements, and what all of them have counts.
    """
    found = tuple(placements)
    left = inventory
    for placed in found:
        left = left.after(placed, max(1, placed.replicas))
    return tuple(
        placed.model_copy(update={"surge": inventory.room(placed) > max(1, placed.replicas) and left.room(placed) > 0})
        for placed in found
    )


def _money(amount: Decimal | None) -> str:
    """As a status has it: empty where there is no price."""
    return "" if amount is None else money(amount)
