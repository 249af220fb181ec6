"""Experts: which are hit, and what their grouped products cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.kernels import joined, relative_prefill

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.coefficients import Coefficients

_LOOP_ROWS = 64
"""Rows of one launch where one kernel per expert is launched: four blocks of 16 (vLLM 0.7 marlin_gemm_moe)."""


def hit(batch: Replicas, tokens: Floats) -> Floats:
    """Distinct experts that ``tokens`` tokens are sent to, each to ``per_token`` of them evenly."""
    count = np.maximum(batch.shape.experts, 1)
    return np.asarray(count * (1 - (1 - batch.shape.per_token / count) ** tokens))


def experts_decode(batch: Replicas, k: Coefficients, rows: Floats) -> Floats:
    """Seconds of the experts of all layers in one decode step; all data-parallel groups share them."""
    return _grouped(batch, k, rows * batch.data_parallel, np.ones(()))


def experts_prefill(batch: Replicas, k: Coefficients, tokens: Floats) -> Floats:
    """Seconds of the experts of all layers in one pass over ``tokens`` prompt tokens of each data-parallel group."""
    time = _grouped(batch, k, tokens * batch.data_parallel, relative_prefill(batch, k))
    return np.where(batch.loops_over_experts, np.maximum(time, launches(batch, k, tokens)), time)


def launches(batch: Replicas, k: Coefficients, tokens: Floats) -> Floats:
    """Seconds of launching two kernels per expert and 64 rows, whether an expert has rows there or not."""
    blocks = np.ceil(tokens / _LOOP_ROWS)
    return np.asarray(2 * batch.shape.layers * batch.shape.experts * blocks * k.launch_time)


def _grouped(batch: Replicas, k: Coefficients, tokens: Floats, relative: Floats) -> Floats:
    shape = batch.shape
    active = hit(batch, tokens)
    per_expert = tokens * shape.per_token / np.maximum(active, 1e-9)
    rows = active * np.maximum(per_expert, k.expert_tile_rows)
    size = shape.layers * shape.expert / batch.expert_shards
    time = joined(
        size * active * batch.weights.bytes / (batch.device.bandwidth * k.memory_efficiency),
        2 * size * rows / (batch.weights.rate * k.expert_efficiency * relative),
    )
    return np.where(batch.expert_model, time, 0.0)
