"""Fills the arrays from layouts and loads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.arrays import Device, Replicas, Shape, Weights
from qwen3_operator.performance.formats import FORMATS, half_rate, native, rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qwen3_operator.catalog import Accelerator, Model
    from qwen3_operator.performance.arrays import Flags, Floats
    from qwen3_operator.performance.types import Layout, Load

_WHOLE = 1e9
"""Tokens, more than any prompt has."""
_CURRENT = (1_000_000,)
"""A version after all that were measured."""
_NO_LINK = 16e9
"""Bytes per second where the catalog knows no link: PCIe 3 x16."""
_SGLANG_CHUNKS = ((20, 2048), (60, 4096), (160, 8192), (np.inf, 16384))
"""GiB of memory of a device, and tokens below it."""


def shape_of(model: Model) -> tuple[float, ...]:
    """Columns of ``Shape``."""
    experts = model.experts
    return (
        model.layers,
        model.attention_layers,
        model.hidden_size,
        model.heads,
        model.kv_heads,
        model.head_dim,
        model.attention_parameters + model.recurrent_parameters + model.feed_forward_parameters,
        experts.shared_intermediate_size if experts else model.intermediate_size,
        model.head_parameters,
        experts.count if experts else 0,
        experts.per_token if experts else 0,
        experts.one(model.hidden_size) if experts else 0,
        experts.intermediate_size if experts else 0,
        model.state_bytes_per_request(1),
        model.heads * model.head_dim,
    )


def device_of(accelerator: Accelerator) -> tuple[float, ...]:
    """Columns of ``Device``; NaN where the catalog has no number."""
    return (
        accelerator.memory_bandwidth or np.nan,
        half_rate(accelerator) or np.nan,
        accelerator.link_bandwidth or _NO_LINK,
    )


def weights_of(quantization: str, accelerator: Accelerator) -> tuple[float, ...]:
    """Columns of ``Weights``."""
    own = native(quantization, accelerator)
    return (
        FORMATS[quantization].bytes,
        rate(quantization, accelerator) or np.nan,
        own and quantization != "BF16",
        not own,
        quantization.startswith("GPTQ"),
    )


def gather(pairs: Sequence[tuple[Layout, Load]]) -> Replicas:
    """The arrays for ``pairs``. Whatever depends on the layout alone is computed once per distinct layout."""
    index: dict[int, int] = {}
    layouts: list[Layout] = []
    where = np.empty(len(pairs), dtype=np.intp)
    for number, (layout, _) in enumerate(pairs):
        position = index.get(id(layout))
        if position is None:
            position = index[id(layout)] = len(layouts)
            layouts.append(layout)
        where[number] = position
    loads = np.array(
        [
            (load.input_tokens, load.output_tokens, load.concurrency, _room(load), load.long_input_tokens)
            for _, load in pairs
        ],
        dtype=float,
    ).reshape(-1, 5)
    return _replicas(layouts, where, loads)


def _room(load: Load) -> float:
    return np.inf if load.kv_tokens is None else load.kv_tokens


def _replicas(layouts: list[Layout], where: NDArray[np.intp], loads: Floats) -> Replicas:
    def columns(rows: list[tuple[float, ...]]) -> Floats:
        return np.array(rows, dtype=float).T[:, where]

    def flags(test: Callable[[Layout], bool]) -> Flags:
        return np.array([test(layout) for layout in layouts], dtype=bool)[where]

    def floats(value: Callable[[Layout], float]) -> Floats:
        return np.array([value(layout) for layout in layouts], dtype=float)[where]

    shapes = {id(model): shape_of(model) for model in {id(layout.model): layout.model for layout in layouts}.values()}
    devices = {(id(layout.accelerator), layout.quantization): layout.accelerator for layout in layouts}
    formats = {key: weights_of(key[1], accelerator) for key, accelerator in devices.items()}
    size, speed, *marks = columns([formats[id(layout.accelerator), layout.quantization] for layout in layouts])
    groups = floats(lambda layout: layout.data_parallel)
    return Replicas(
        shape=Shape(*columns([shapes[id(layout.model)] for layout in layouts])),
        device=Device(*columns([device_of(layout.accelerator) for layout in layouts])),
        weights=Weights(size, speed, *(mark > 0 for mark in marks)),
        vllm=flags(lambda layout: layout.engine == "vLLM"),
        transformers=flags(lambda layout: layout.engine == "Transformers"),
        early=flags(lambda layout: layout.engine == "SGLang" and version(layout) < (0, 5)),
        drifting=flags(lambda layout: layout.engine == "SGLang" and version(layout) < (0, 5, 6)),
        slow_attention=flags(_slow_attention),
        slow_experts=flags(_slow_experts),
        tensor_parallel=floats(lambda layout: layout.tensor_parallel),
        data_parallel=groups,
        expert_shards=floats(lambda layout: layout.devices),
        expert_parallel=floats(lambda layout: layout.expert_parallel),
        kv_element=floats(lambda layout: layout.kv_element_bytes),
        chunk=floats(prefill_chunk),
        input=loads[:, 0],
        output=loads[:, 1],
        long_input=np.maximum(loads[:, 0], loads[:, 4]),
        clients=np.maximum(1.0, loads[:, 2] / groups),
        kv_tokens=loads[:, 3] / groups,
    )


def version(layout: Layout) -> tuple[int, ...]:
    """Numbers of the engine's version, without what follows them; a current version where none is given."""
    numbers = re.match(r"\d+(?:\.\d+)*", layout.engine_version)
    return tuple(int(part) for part in numbers.group().split(".")) if numbers else _CURRENT


def _slow_attention(layout: Layout) -> bool:
    """One deployment was measured so; whether model, version or set-up is the cause is not known."""
    return layout.engine == "SGLang" and version(layout)[:3] == (0, 5, 6) and _large_group(layout)


def _slow_experts(layout: Layout) -> bool:
    """One deployment was measured so; whether model, version or set-up is the cause is not known."""
    narrow = layout.quantization == "FP8" and layout.model.experts is not None
    return narrow and layout.engine == "vLLM" and version(layout)[:2] == (0, 12) and _large_group(layout)


def _large_group(layout: Layout) -> bool:
    return layout.model.heads >= 16 * layout.model.kv_heads


def prefill_chunk(layout: Layout) -> float:
    """Prompt tokens of one pass, by the engine's own default for the device's memory.

    SGLang 0.5.23 arg_groups/memory_hook.py; vLLM 0.12 engine/arg_utils.py (server default of max_num_batched_tokens);
    transformers computes a prompt whole.
    """
    gib = layout.device_memory_bytes / 2**30
    if layout.engine == "Transformers":
        return _WHOLE
    if layout.engine == "vLLM":
        return 8192 if gib >= 70 else 2048  # noqa: PLR2004
    return next(tokens for below, tokens in _SGLANG_CHUNKS if gib < below)
