"""All ways to run one replica on one node, and for each whether it works and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.catalog import CPU
from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory import Demand
from qwen3_operator.sizing.memory import Estimate, on_cpu, on_device
from qwen3_operator.sizing.text import gigabytes
from qwen3_operator.sizing.validity import Problem, card_problem, device_problem, shape_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.catalog import Catalog, Engine
    from qwen3_operator.inventory import Inventory, Pool
    from qwen3_operator.sizing.needs import Wanted

SMALL_MODEL_PARAMETERS = 2_000_000_000
"""Up to this size a CPU node is tried without being asked for, where no accelerator could run the model."""

Order = tuple[bool, int, bool, int, int, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One shape in one pool. ``problem`` is why it cannot be, ``estimate`` how its memory would be used."""

    pool: Pool
    tensor_parallel: int
    expert_parallel: int
    problem: Problem | None
    estimate: Estimate | None = None
    demand: Demand | None = None

    @property
    def on_cpu(self) -> bool:
        """Whether it runs without an accelerator."""
        return not self.pool.resource_name

    @property
    def room(self) -> int:
        """Replicas that fit on what is free."""
        return self.pool.room(self.demand) if self.demand else 0

    @property
    def order(self) -> Order:
        """The best first: CPU last, fewest devices, NVIDIA before Ascend, the smallest devices, then the name."""
        device = self.pool.accelerator.device
        size, memory = self.tensor_parallel, self.pool.device_memory_bytes
        return (self.on_cpu, size, device == "npu", memory, self.expert_parallel, self.pool.name)


def candidates(wanted: Wanted, inventory: Inventory, catalog: Catalog) -> list[Candidate]:
    """Every candidate, the best first; those with a problem are kept for the explanation."""
    found = [candidate for pool in inventory.pools.values() for candidate in _in_pool(wanted, pool, catalog.engine)]
    accelerated = any(candidate.problem is None and not candidate.on_cpu for candidate in found)
    return sorted(
        (_without_cpu(candidate, wanted) if accelerated else candidate for candidate in found),
        key=lambda candidate: candidate.order,
    )


def _in_pool(wanted: Wanted, pool: Pool, engine: Engine) -> Iterator[Candidate]:
    problem = _not_selected(wanted, pool) or device_problem(pool.accelerator, wanted.form)
    if problem:
        yield Candidate(pool, 1, 1, problem)
        return
    if not pool.resource_name:
        yield _cpu_candidate(wanted, pool, engine)
        return
    for size in _powers_of_two(pool.largest_node):
        for experts in _powers_of_two(size) if wanted.model.experts else (1,):
            yield _device_candidate(wanted, pool, engine, size, experts)


def _not_selected(wanted: Wanted, pool: Pool) -> Problem | None:
    if wanted.pools and pool.name not in wanted.pools:
        return Problem("NotSelected", f"spec.hardware.pools names {', '.join(sorted(wanted.pools))}")
    if wanted.accelerators and pool.accelerator.name not in wanted.accelerators:
        return Problem("NotSelected", f"spec.hardware.accelerators names {', '.join(sorted(wanted.accelerators))}")
    return None


def _cpu_asked(wanted: Wanted, pool: Pool) -> bool:
    return CPU in wanted.accelerators or pool.name in wanted.pools


def _too_large_for_cpu(wanted: Wanted, pool: Pool) -> Problem | None:
    if _cpu_asked(wanted, pool) or wanted.model.parameters <= SMALL_MODEL_PARAMETERS:
        return None
    billions = wanted.model.parameters / 1e9
    number = (
        f"{billions:.1f} billion parameters; CPU nodes are tried up to 2 billion, or where spec.hardware names them"
    )
    return Problem("TooLargeForCPU", number)


def _without_cpu(candidate: Candidate, wanted: Wanted) -> Candidate:
    """CPU nodes are not taken where an accelerator can run the model, unless they were asked for."""
    if not candidate.on_cpu or candidate.problem or _cpu_asked(wanted, candidate.pool):
        return candidate
    problem = Problem(
        "AcceleratorPreferred", "an accelerator can run it; spec.hardware.accelerators: [CPU] asks for CPU"
    )
    return Candidate(candidate.pool, 1, 1, problem)


def _device_candidate(wanted: Wanted, pool: Pool, engine: Engine, size: int, experts: int) -> Candidate:
    problem = (
        _above_limit(wanted, size)
        or card_problem(pool.accelerator, size)
        or shape_problem(wanted.model, wanted.form, size, experts)
    )
    if problem:
        return Candidate(pool, size, experts, problem)
    device = pool.accelerator.device
    estimate = on_device(
        model=wanted.model,
        checkpoint=wanted.checkpoint,
        engine=engine,
        device=device,
        total=pool.device_memory_bytes,
        size=size,
        need=wanted.need,
    )
    cost = engine.cost(device)
    demand = Demand(
        devices=size,
        cpu_millicores=size * cost.cpu_millicores_per_device,
        memory_bytes=round(size * cost.host_memory_per_device * MIB),
    )
    problem = _out_of_memory(estimate, pool.device_memory_bytes, "per device")
    return Candidate(pool, size, experts, problem, estimate, demand)


def _cpu_candidate(wanted: Wanted, pool: Pool, engine: Engine) -> Candidate:
    largest = max((node.memory_bytes for node in pool.nodes), default=0)
    estimate = on_cpu(
        model=wanted.model, checkpoint=wanted.checkpoint, engine=engine, largest_node=largest, need=wanted.need
    )
    demand = Demand(0, engine.cost("cpu").cpu_millicores_per_device, estimate.plan.total)
    problem = _out_of_memory(estimate, largest, "on one node") or _too_large_for_cpu(wanted, pool)
    return Candidate(pool, 1, 1, problem, estimate, demand)


def _above_limit(wanted: Wanted, size: int) -> Problem | None:
    limit = wanted.max_devices
    if limit is not None and size > limit:
        return Problem("MaxDevices", f"{size} devices, spec.hardware.maxDevicesPerReplica is {limit}")
    return None


def _out_of_memory(estimate: Estimate, has: int, where: str) -> Problem | None:
    if not estimate.missing_bytes:
        return None
    needs = has + estimate.missing_bytes
    return Problem("OutOfMemory", f"needs {gigabytes(needs)} {where}, has {gigabytes(has)}")


def _powers_of_two(limit: int) -> Iterator[int]:
    size = 1
    while size <= limit:
        yield size
        size *= 2
