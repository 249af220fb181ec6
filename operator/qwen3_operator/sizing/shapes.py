"""Ways to spread one replica over devices, and what each device then holds of the model."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from typing_extensions import override

from qwen3_operator.catalog.models import BF16_BYTES
from qwen3_operator.sizing.validity import shape_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.catalog import Model
    from qwen3_operator.sizing.offers import Offer
    from qwen3_operator.sizing.reasons import Problem


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """Devices of one replica, in the engine's terms."""

    tensor_parallel: int
    """All devices that share one copy of the model."""
    expert_parallel: int = 1
    """Groups into which whole experts are dealt; inside a group each expert is cut."""
    data_parallel: int = 1
    """Groups that keep attention and KV cache of their own requests; the experts are spread over all devices."""

    @property
    def devices(self) -> int:
        """Devices of one replica."""
        return self.tensor_parallel

    @property
    def attention_parallel(self) -> int:
        """Devices that share the attention of one request."""
        return self.tensor_parallel // self.data_parallel

    @override
    def __str__(self) -> str:
        """``TP 8, EP 2, DP 4``; parts that are 1 are left out, but for TP."""
        parts = [f"TP {self.tensor_parallel}"]
        parts += [f"EP {self.expert_parallel}"] if self.expert_parallel > 1 else []
        parts += [f"DP {self.data_parallel}"] if self.data_parallel > 1 else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Cut:
    """A model in one format cut by one shape: the bytes that each device holds, or why it cannot be cut so."""

    offer: Offer
    shape: Shape
    problem: Problem | None
    weights: int = 0
    per_token: int = 0
    """KV cache of one token."""
    state: int = 0
    """Recurrent state of one request; 0 for models without."""


def cuts(offer: Offer, largest: int, kv_element_bytes: int) -> Iterator[Cut]:
    """Every shape of up to ``largest`` devices, the fewest first."""
    for shape in _shapes(offer.model, largest):
        problem = shape_problem(
            offer.model, offer.form, shape.tensor_parallel, shape.expert_parallel, shape.data_parallel
        )
        yield Cut(offer, shape, problem) if problem else cut(offer, shape, kv_element_bytes)


def cut(offer: Offer, shape: Shape, kv_element_bytes: int) -> Cut:
    """What a device of this shape holds."""
    attention = shape.attention_parallel
    return Cut(
        offer=offer,
        shape=shape,
        problem=None,
        weights=weight_bytes(offer, shape),
        per_token=offer.model.kv_bytes_per_token(attention, kv_element_bytes),
        state=offer.model.state_bytes_per_request(attention),
    )


def weight_bytes(offer: Offer, shape: Shape) -> int:
    """Weights on one device.

    Norms, routers and a vision tower lie whole on every device, in BF16; the rest is cut into as many parts as there
    are devices. Key and value projections are there once per KV head at least. With data parallel attention its
    weights and the embedding are cut among fewer devices. Expert parallelism does not show here: experts are cut into
    TP parts in all, by whole experts or inside them.
    """
    model, loaded, parts = offer.model, offer.checkpoint.loaded_bytes, shape.tensor_parallel
    whole = (model.replicated_parameters + model.vision_parameters) * BF16_BYTES
    per_parameter = loaded / model.parameters
    copies = max(0.0, 1 / model.kv_heads - 1 / shape.attention_parallel)
    more = model.kv_projection_parameters * per_parameter * copies
    if shape.data_parallel > 1:
        fewer = 1 / shape.attention_parallel - 1 / parts
        more += fewer * (model.attention_parameters * per_parameter + model.head_parameters * BF16_BYTES)
    return whole + ceil((loaded - whole) / parts) + ceil(more)


def _shapes(model: Model, largest: int) -> Iterator[Shape]:
    """Powers of two; experts are dealt out and attention is split for mixture-of-experts models only."""
    for size in powers_of_two(largest):
        if not model.experts:
            yield Shape(size)
            continue
        for groups in powers_of_two(1 if model.recurrent else size):
            for dealt in powers_of_two(size):
                yield Shape(size, dealt, groups)


def powers_of_two(limit: int) -> Iterator[int]:
    """1, 2, 4 ... up to ``limit``."""
    size = 1
    while size <= limit:
        yield size
        size *= 2
