"""Matrix products: a memory time and a compute time, joined smoothly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.coefficients import Coefficients, Number

_BLOCK = 128
"""Inputs that share a scale in FP8 weights."""
_SHARPNESS = 4
"""Of the corner between the two; 2 and 8 fit the measured rows as well."""


def joined(memory_time: Number, compute_time: Number) -> Floats:
    """Time of a kernel that moves and computes at once: a little above the longer of the two."""
    return np.asarray((memory_time**_SHARPNESS + compute_time**_SHARPNESS) ** (1 / _SHARPNESS))


def decode_rows(batch: Replicas, k: Coefficients, rows: Floats) -> Floats:
    """Rows that a product with few rows computes: whole tiles, or the time of expanding weights in rows."""
    return np.maximum(rows, np.where(batch.weights.expanded, k.expanded_rows, k.tile_rows))


def dense_decode(batch: Replicas, k: Coefficients, rows: Floats) -> Floats:
    """Seconds of all dense layers of one decode step over ``rows`` requests."""
    efficiency = np.where(batch.weights.narrow, k.decode_efficiency_narrow, k.decode_efficiency)
    chain = np.where(batch.weights.narrow, _blocks(batch) * k.narrow_block_time, 0.0)
    return chain + _product(batch, k, decode_rows(batch, k, rows), efficiency)


def _blocks(batch: Replicas) -> Floats:
    """Blocks of 128 inputs that FP8 products of one pass go through one after the other, scaling each.

    The products of a layer: queries, keys and values; attention's output; gate and up; down.
    """
    shape, parts = batch.shape, batch.tensor_parallel
    attention = shape.attention_layers * (shape.hidden + shape.out / parts)
    forward = shape.layers * np.where(shape.width > 0, shape.hidden + shape.width / parts, 0.0)
    return np.asarray((attention + forward) / _BLOCK)


def dense_prefill(batch: Replicas, k: Coefficients, tokens: Floats) -> Floats:
    """Seconds of all dense layers of one pass over ``tokens`` prompt tokens."""
    efficiency = np.where(batch.transformers, k.eager_prefill_efficiency, k.prefill_efficiency)
    return _product(batch, k, decode_rows(batch, k, tokens), efficiency * relative_prefill(batch, k))


def relative_prefill(batch: Replicas, k: Coefficients) -> Floats:
    """Efficiency of a format's products with many rows against BF16, and of vLLM's against SGLang's."""
    form = np.where(batch.weights.narrow, k.prefill_narrow, np.where(batch.weights.expanded, k.expanded_prefill, 1.0))
    return form * np.where(batch.vllm, k.vllm_prefill, 1.0)


def head(batch: Replicas, k: Coefficients, rows: Floats | float) -> Floats:
    """Seconds of the output head over ``rows`` tokens. It is never quantized."""
    shape, device, parts = batch.shape, batch.device, batch.tensor_parallel
    return joined(
        shape.head * 2 / parts / (device.bandwidth * k.memory_efficiency),
        2 * shape.head * np.maximum(rows, k.tile_rows) / parts / (device.half * k.decode_efficiency),
    )


def _product(batch: Replicas, k: Coefficients, rows: Floats, efficiency: Floats) -> Floats:
    weights, parts = batch.shape.dense, batch.tensor_parallel
    return joined(
        weights * batch.weights.bytes / parts / (batch.device.bandwidth * k.memory_efficiency),
        2 * weights * rows / parts / (batch.weights.rate * efficiency),
    )
