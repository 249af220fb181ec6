"""Attention over the KV cache, and the recurrent state of hybrid models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.kernels import joined

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.coefficients import Coefficients

_TENSOR_CORE_GROUP = 4
"""Query heads per KV head from which decode attention runs on tensor cores (FlashInfer should_use_tensor_core)."""


def decode_attention(batch: Replicas, k: Coefficients, requests: Floats, context: Floats) -> Floats:
    """Seconds of attention in one decode step: every request reads its whole KV cache.

    Queries of one KV head are padded to a tile; groups below four run on the ordinary cores, without padding.
    """
    shape, device, parts = batch.shape, batch.device, batch.kv_shards
    group = shape.heads / shape.kv_heads
    small = group < _TENSOR_CORE_GROUP
    rows = np.where(small, 1.0, np.ceil(group / k.tile_rows) * k.tile_rows)
    bandwidth = device.bandwidth * k.memory_efficiency * np.where(small, k.small_group_bandwidth, 1.0)
    tokens = requests * context * shape.kv_heads / parts * shape.head_dim * shape.attention_layers
    cache = joined(
        tokens * 2 * batch.kv_element / bandwidth,
        4 * tokens * rows / (device.half * k.decode_attention_efficiency),
    )
    state = 2 * requests * shape.state / batch.tensor_parallel / (device.bandwidth * k.memory_efficiency)
    alone = shape.attention_layers * context * k.slow_context_time
    return np.asarray(np.where(batch.slow_attention, np.maximum(cache, alone), cache) + state)


def prefill_attention(batch: Replicas, k: Coefficients, tokens: Floats, length: Floats) -> Floats:
    """Seconds of causal attention of ``tokens`` tokens that belong to prompts of ``length``: half of it on average."""
    shape = batch.shape
    work = 2 * shape.attention_layers * shape.heads * shape.head_dim * length * tokens
    time = work / batch.tensor_parallel / (batch.device.half * k.attention_efficiency)
    time = time * np.where(batch.loops_over_experts, k.looped_attention, 1.0)
    return np.asarray(time * np.where(batch.slow_attention, k.slow_prefill_attention, 1.0))
