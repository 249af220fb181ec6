"""Memory of one device: weights, KV cache, the engine's reserve and what the system takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from qwen3_operator.api.status import MemoryPlan
from qwen3_operator.catalog.base import MIB
from qwen3_operator.catalog.models import BF16_BYTES

if TYPE_CHECKING:
    from qwen3_operator.catalog import Checkpoint, DeviceKind, Engine, Model


@dataclass(frozen=True, slots=True)
class Need:
    """What one replica is to hold at a time, in tokens."""

    context_length: int
    request_tokens: int
    """Prompt plus answer of one request."""
    concurrency: int

    def tokens(self, page_tokens: int) -> int:
        """KV cache for all requests, each rounded up to whole pages."""
        return self.concurrency * ceil(self.request_tokens / page_tokens) * page_tokens


@dataclass(frozen=True, slots=True)
class Estimate:
    """How one device would be filled, and how much is missing."""

    plan: MemoryPlan
    tokens: int
    """KV cache of one replica."""
    missing_bytes: int
    """What the device lacks to hold the weights and the KV cache that is needed; 0 where it fits."""


def weight_bytes(model: Model, checkpoint: Checkpoint, tensor_parallel: int) -> int:
    """Weights on one device: norms and routers whole, key and value projections once per KV head, the rest cut.

    Expert parallelism does not show here: experts are cut into TP parts in all, by whole experts or inside them.
    """
    whole = model.replicated_parameters * BF16_BYTES
    cut = ceil((checkpoint.bytes - whole) / tensor_parallel)
    copies = max(0.0, 1 / model.kv_heads - 1 / tensor_parallel)
    projections = model.kv_projection_parameters * checkpoint.bytes / model.parameters
    return whole + cut + ceil(projections * copies)


def on_device(
    *, model: Model, checkpoint: Checkpoint, engine: Engine, device: DeviceKind, total: int, size: int, need: Need
) -> Estimate:
    """A device of ``total`` bytes that holds 1/``size`` of the model; the engine gives all it may to the KV cache.

    KV bytes = (total - overhead) * mem_fraction_static - weights, as sglang 0.5.23 computes them
    (mem_cache/kv_cache_configurator.py l.2990: free after load - free before load * (1 - fraction)).
    """
    cost = engine.cost(device)
    overhead = cost.overhead_bytes(size)
    static = int((total - overhead) * engine.static_fraction(device, total, size))
    weights = weight_bytes(model, checkpoint, size)
    per_token = model.kv_bytes_per_token(size)
    needed = need.tokens(cost.page_tokens)
    pages = max(0, static - weights) // (per_token * cost.page_tokens)
    tokens = pages * cost.page_tokens
    activations = total - overhead - static
    plan = MemoryPlan(
        total=total,
        weights=weights,
        kv_cache=tokens * per_token,
        activations=activations,
        overhead=overhead,
        free=total - weights - tokens * per_token - activations - overhead,
    )
    return Estimate(plan, tokens, max(0, weights + needed * per_token - static))


def on_cpu(*, model: Model, checkpoint: Checkpoint, engine: Engine, largest_node: int, need: Need) -> Estimate:
    """A pod on a CPU node: it asks for what it needs and no more. ``total`` is the pod's memory limit."""
    cost = engine.cost("cpu")
    tokens = max(need.tokens(cost.page_tokens), engine.cpu_minimum_kv_tokens)
    kv_cache = tokens * model.kv_bytes_per_token(1)
    activations, overhead = round(engine.cpu_reserve * MIB), cost.overhead_bytes(1)
    taken = checkpoint.bytes + kv_cache + activations + overhead
    total = ceil(taken / MIB) * MIB
    plan = MemoryPlan(
        total=total,
        weights=checkpoint.bytes,
        kv_cache=kv_cache,
        activations=activations,
        overhead=overhead,
        free=total - taken,
    )
    return Estimate(plan, tokens, max(0, total - largest_node))
