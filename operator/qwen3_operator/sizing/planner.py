"""``plan(spec, inventory, catalog)``: the cheapest placement that works, or what stands against one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.status import Placement, PlanStatus
from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory import Demand
from qwen3_operator.sizing.advice import advice
from qwen3_operator.sizing.candidates import Candidate, candidates
from qwen3_operator.sizing.explain import no_fit, rejections, summary
from qwen3_operator.sizing.failure import PlanFailure
from qwen3_operator.sizing.needs import Wanted, spec_digest, wanted
from qwen3_operator.sizing.search import assign

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory


def plan(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog) -> PlanStatus | PlanFailure:
    """Where and how the replicas of ``spec`` run.

    Pool, tensor and expert parallelism are chosen so that a replica takes the fewest devices of one node; weights,
    the KV cache of the workload and the engine's reserve must fit. All replicas go to one pool where one has the room,
    else to several. CPU nodes are taken where hardware names them, or for small models where no accelerator could ever
    run it. The same arguments give the same answer.
    """
    asked = wanted(spec, inventory, catalog)
    if isinstance(asked, PlanFailure):
        return asked
    found = candidates(asked, inventory, catalog)
    assigned = assign(found, asked.replicas)
    if assigned is None:
        hint = advice(spec, inventory, catalog, found) if found else ""
        return no_fit(asked, inventory, found, hint)
    placed = [(candidate, _placement(asked, candidate, count if spec.replicas is None else min(count, spec.replicas))) for candidate, count in assigned]
    listed, counts = rejections(asked, found, [candidate for candidate, _ in assigned])
    return PlanStatus(
        model=asked.model.name,
        context_length=asked.need.context_length,
        catalog_version=catalog.version,
        spec_digest=spec_digest(spec),
        summary=summary(asked, placed),
        placements=tuple(placement for _, placement in placed),
        rejected=listed,
        rejected_counts=counts,
    )


def with_replicas(plan: PlanStatus, replicas: int, inventory: Inventory) -> PlanStatus:
    """The plan with another number of replicas: same pools, same shape.

    Each placement takes what its pool has room for; what fits nowhere is added to the first, whose pods then wait.
    """
    left = replicas
    counts: list[int] = []
    for placement in plan.placements:
        counts.append(min(left, _room(placement, inventory)))
        left -= counts[-1]
    counts[0] += left
    changed = [
        placement.model_copy(update={"replicas": count, "surge": _room(placement, inventory) > count})
        for placement, count in zip(plan.placements, counts, strict=True)
    ]
    return plan.model_copy(update={"placements": tuple(changed)})


def _room(placement: Placement, inventory: Inventory) -> int:
    pool = inventory.pools.get(placement.pool)
    return pool.room(Demand.of(placement)) if pool else 0


def _placement(asked: Wanted, candidate: Candidate, replicas: int) -> Placement:
    pool, estimate, demand = candidate.pool, candidate.estimate, candidate.demand
    if estimate is None or demand is None:
        raise ValueError(f"a candidate without an estimate was chosen: {candidate}")
    return Placement(
        pool=pool.name,
        accelerator=pool.accelerator.name,
        device=pool.accelerator.device,
        resource_name=pool.resource_name,
        quantization=asked.form.name,
        tensor_parallel=candidate.tensor_parallel,
        expert_parallel=candidate.expert_parallel,
        nodes=1,
        devices_per_replica=candidate.tensor_parallel,
        memory=estimate.plan,
        kv_cache_tokens=estimate.tokens,
        max_concurrency=estimate.tokens // asked.need.request_tokens,
        surge=candidate.room > max(1, replicas),
        replicas=replicas,
        cpu_request=f"{demand.cpu_millicores}m",
        memory_request=f"{demand.memory_bytes // MIB}Mi",
        node_selector=dict(pool.node_selector),
        node_requirements=pool.node_requirements,
        tolerations=pool.tolerations,
    )
