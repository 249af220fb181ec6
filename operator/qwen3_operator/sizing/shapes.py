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
    from qwen3_operator.sizing.adapters import AdapterRoom
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
    adapters: int = 0
    """Room for LoRA adapters."""

    @property
    def resident(self) -> int:
        """What is there before the first request: weights and adapters."""
        return self.weights + self.adapters


class Cutter:
    """Cuts one offer; what does not depend on the shape is worked out once."""

    def __init__(self, offer: Offer, kv_element_bytes: int, adapters: AdapterRoom | None = None) -> None:
        model, loaded = offer.model, offer.checkpoint.loaded_bytes
        per_parameter = loaded / model.parameters
        self._offer = offer
        self._element = kv_element_bytes
        self._adapters = adapters
        self._loaded = loaded
        self._whole = (model.replicated_parameters + model.vision_parameters) * BF16_BYTES
        self._keys = model.kv_projection_parameters * per_parameter
        self._attention = model.attention_parameters * per_parameter + model.head_parameters * BF16_BYTES
        self._made: dict[Shape, Cut] = {}

    def cuts(self, largest: int) -> Iterator[Cut]:
        """Every shape of up to ``largest`` devices, the fewest first."""
        for shape in _shapes(self._offer.model, largest):
            yield self.cut(shape)

    def plain_cuts(self, above: int, largest: int) -> Iterator[Cut]:
        """Shapes of more than ``above`` devices without data parallel attention."""
        for size in powers_of_two(largest):
            if size > above:
                for dealt in powers_of_two(size if self._offer.model.experts else 1):
                    yield self.cut(Shape(size, dealt))

    def cut(self, shape: Shape) -> Cut:
        """What a device of this shape holds, or why the model cannot be cut so."""
        if shape not in self._made:
            self._made[shape] = self._cut(shape)
        return self._made[shape]

    def _cut(self, shape: Shape) -> Cut:
        model, form = self._offer.model, self._offer.form
        problem = shape_problem(model, form, shape.tensor_parallel, shape.expert_parallel, shape.data_parallel)
        if problem:
            return Cut(self._offer, shape, problem)
        parts = shape.attention_parallel
        return Cut(
            offer=self._offer,
            shape=shape,
            problem=None,
            weights=self.weight_bytes(shape),
            per_token=model.kv_bytes_per_token(parts, self._element),
            state=model.state_bytes_per_request(parts),
            adapters=self._adapters.bytes_on_device(model, shape.tensor_parallel) if self._adapters else 0,
        )

    def weight_bytes(self, shape: Shape) -> int:
        """Weights on one device.

        Norms, routers and a vision tower lie whole on every device, in BF16; the rest is cut into as many parts as
        there are devices. Key and value projections are there once per KV head at least. With data parallel attention
        its weights and the embedding are cut among fewer devices. Expert parallelism does not show here: experts are
        cut into TP parts in all, by whole experts or inside them.
        """
        parts = shape.attention_parallel
        more = self._keys * max(0.0, 1 / self._offer.model.kv_heads - 1 / parts)
        more += self._attention * (1 / parts - 1 / shape.tensor_parallel)
        return self._whole + ceil((self._loaded - self._whole) / shape.tensor_parallel) + ceil(more)


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
