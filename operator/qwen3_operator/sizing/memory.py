"""Memory of one device: weights, KV cache, recurrent state, the engine's reserve and what the system takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from qwen3_operator.api.status import MemoryPlan
from qwen3_operator.catalog.base import MIB

if TYPE_CHECKING:
    from qwen3_operator.catalog import Accelerator, Engine
    from qwen3_operator.performance.offload import Split
    from qwen3_operator.sizing.shapes import Cut

MIN_RUNNING, MAX_RUNNING, RUNNING_PER_CONTEXT = 2048, 4096, 512
"""The engine runs at most clamp(tokens / context * 512, 2048, 4096) requests, and no more than tokens / 2
(sglang 0.5.23 mem_cache/kv_cache_configurator.py l.3124)."""


@dataclass(frozen=True, slots=True)
class Space:
    """A device before a model is on it, in bytes."""

    total: int
    static: int
    """What weights, KV cache and state may take."""
    overhead: int
    """What driver and communication take."""
    page_tokens: int
    most_running: int | None = None
    """Requests that the engine runs at a time at most; None: SGLang's rule."""

    @classmethod
    def on(cls, accelerator: Accelerator, total: int, engine: Engine, cut: Cut) -> Space:
        """A device of ``total`` bytes for a model cut so; multimodal models leave room for their encoder's work.

        static = (total - overhead) * mem_fraction_static, as sglang 0.5.23 computes it
        (mem_cache/kv_cache_configurator.py l.2990: free after load - free before load * (1 - fraction)).
        """
        cost = engine.cost(accelerator.device)
        shape = cut.shape
        overhead = cost.overhead_bytes(shape.tensor_parallel)
        fraction = engine.static_fraction(
            accelerator.device, total, shape.tensor_parallel, shape.data_parallel, cut.offer.model.vision
        )
        static = int((total - overhead) * fraction) - engine.working_bytes(accelerator.device, total)
        return cls(total, max(0, static), overhead, cost.page_tokens, engine.most_running(accelerator.device, total))


@dataclass(frozen=True, slots=True)
class Fit:
    """A cut model on a device, and how many requests one replica holds."""

    space: Space
    cut: Cut
    tokens: int
    """KV cache of the replica."""
    state_bytes: int
    """Recurrent state on one device."""
    running: int
    """Requests that the engine runs at a time at most, by its own rule."""
    requests: int
    """Requests of the asked-for length that are held at a time."""
    most: int
    """Requests that a replica can be given memory for: ``requests``, but on CPU nodes, where the pod grows."""
    missing_bytes: int
    """What is missing, on each device or on the node, to hold the requests that were asked of it; 0 where they fit."""
    on_host: bool = False
    """Whether ``space`` is a part of the node's memory: a pod on a CPU node."""
    split: Split | None = None
    """How the model is split between device and host, where it is too large for the device; ``cut`` is then the
    device's part."""
    device_layers: int = 0
    """Of the split."""

    @property
    def host_bytes(self) -> int:
        """Of the model in the host's memory, beside a device."""
        return self.split.on_host(self.device_layers) if self.split else 0

    @property
    def host_share(self) -> int:
        """Of the model and its engine in the host's memory, on a device or without one."""
        return self.space.total if self.on_host else self.host_bytes

    @property
    def plan(self) -> MemoryPlan:
        """How each device is filled."""
        space = self.space
        kv_cache = self.tokens // self.cut.shape.data_parallel * self.cut.per_token
        activations = space.total - space.overhead - space.static
        return MemoryPlan(
            total=space.total,
            weights=self.cut.weights,
            adapters=self.cut.adapters,
            kv_cache=kv_cache,
            state=self.state_bytes,
            activations=activations,
            overhead=space.overhead,
            free=space.static - self.cut.resident - kv_cache - self.state_bytes,
        )


def on_device(space: Space, cut: Cut, engine: Engine, concurrency: int) -> Fit:
    """The engine gives all it may to KV cache and state; the replica is to hold ``concurrency`` requests."""
    groups = cut.shape.data_parallel
    paged = paged_tokens(cut, engine, space.page_tokens)
    each = -(-concurrency // groups)
    room = max(0, space.static - cut.resident)
    state = int(room * _state_share(engine)) if cut.state else 0
    tokens = (room - state) // (cut.per_token * space.page_tokens) * space.page_tokens
    running = _running(tokens, cut, space.most_running)
    held = min(tokens // paged, running)
    needed = each * paged * cut.per_token
    if cut.state:
        per_request = cut.state * engine.state_slots_per_request
        running = min(running, state // per_request)
        held = min(held, running)
        share = _state_share(engine)
        needed = ceil(max(needed / (1 - share), each * per_request / share))
    held *= groups
    missing = max(0, cut.resident + needed - space.static)
    return Fit(space, cut, tokens * groups, state, running * groups, held, held, missing)


def on_cpu(cut: Cut, engine: Engine, largest_node: int, concurrency: int) -> Fit:
    """A pod on a CPU node: it asks for what ``concurrency`` requests need and no more; ``total`` is its limit."""
    cost = engine.cost("cpu")
    overhead, reserve = cost.overhead_bytes(1), round(engine.cpu_reserve * MIB)
    paged = paged_tokens(cut, engine, cost.page_tokens)
    tokens = max(concurrency * paged, engine.cpu_minimum_kv_tokens)
    state = concurrency * cut.state * engine.state_slots_per_request
    static = cut.resident + tokens * cut.per_token + state
    total = ceil((static + reserve + overhead) / MIB) * MIB
    space = Space(total, total - reserve - overhead, overhead, cost.page_tokens)
    held = tokens // paged
    per_request = paged * cut.per_token + cut.state * engine.state_slots_per_request
    most = max(0, largest_node - MIB - reserve - overhead - cut.resident) // per_request
    if engine.running_requests is not None:
        held, most = min(held, engine.running_requests), min(most, engine.running_requests)
    return Fit(space, cut, tokens, state, held, held, max(most, held), max(0, total - largest_node), on_host=True)


def paged_tokens(cut: Cut, engine: Engine, page_tokens: int) -> int:
    """Tokens that one request takes, rounded up to whole pages."""
    tokens = cut.offer.context_length if engine.whole_context else cut.offer.request_tokens
    return -(-tokens // page_tokens) * page_tokens


def _running(tokens: int, cut: Cut, limit: int | None) -> int:
    if limit is not None:
        return limit
    by_context = tokens * RUNNING_PER_CONTEXT // cut.offer.context_length
    return min(max(MIN_RUNNING, min(MAX_RUNNING, by_context)), tokens // 2)


def _state_share(engine: Engine) -> float:
    """Part of the memory after the weights that goes to recurrent state (SGLang --mamba-full-memory-ratio)."""
    ratio = engine.state_memory_ratio or 0.0
    return ratio / (1 + ratio)
