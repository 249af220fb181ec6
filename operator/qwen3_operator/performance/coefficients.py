"""Constants of the model, looked up for each pair by its accelerator family."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from qwen3_operator.performance.arrays import Floats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.catalog.performance import PerformanceConstants

Number: TypeAlias = Floats | float


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Times in seconds, the rest without unit. Each is one number, or one per pair where families differ."""

    memory_efficiency: Number
    """Achieved / nominal memory bandwidth, reading weights and KV cache."""
    decode_efficiency: Number
    """Achieved / nominal rate of matrix products with few rows, counted with the rows of the tile."""
    decode_efficiency_narrow: Number
    """The same in FP8 and INT8."""
    prefill_efficiency: Number
    """Achieved / nominal rate of matrix products with many rows, and of attention over a prompt."""
    prefill_narrow: Number
    """FP8 against BF16 there, each by its own nominal rate."""
    expert_efficiency: Number
    """Achieved / nominal rate of grouped matrix products."""
    tile_rows: Number
    """Rows that the tensor cores compute at least."""
    expert_tile_rows: Number
    activation_traffic: Number
    """Memory traffic of activations over the least that fused kernels need."""
    allreduce_latency: Number
    """Of two devices."""
    allreduce_growth: Number
    """Share added per doubling of the devices."""
    link_efficiency: Number
    layer_time: Number
    """Of one decode step: launches and gaps of the small kernels."""
    expert_layer_time: Number
    """Added by routing."""
    narrow_layer_time: Number
    """Added by quantizing activations."""
    expanded_layer_time: Number
    """Added by weight-only kernels."""
    expanded_rows: Number
    """Rows whose products take as long as expanding the weights once."""
    expanded_prefill: Number
    """Weight-only kernels against BF16 with many rows."""
    step_time: Number
    """Of one step: scheduler, sampling, input."""
    request_time: Number
    """Added per request of a step."""
    vllm_step_time: Number
    """Added by vLLM."""
    vllm_request_time: Number
    """vLLM's ``request_time``."""
    front_time: Number
    """Once per request: HTTP, tokenizer, detokenizer."""
    clumping: Number
    """vLLM: a request waits behind this share of ``clients ** 0.6`` prompts."""
    eager_layer_time: Number
    """Of the host where layers run without a graph."""
    launch_time: Number
    """Of the host per kernel, where one kernel per expert is launched."""
    looped_layer_time: Number
    """Of the host for the rest of such a layer."""
    eager_linear_time: Number
    """transformers: added per quantized linear layer."""
    eager_expert_share: Number
    """transformers: operations of one expert over those of a dense layer."""
    eager_narrow_time: Number
    """transformers: FP8 kernels that do not split the sum, per layer, matrix and hidden unit."""
    eager_context_time: Number
    """transformers: per context token and step."""
    eager_context_hidden: Number
    """transformers: part of that which the host hides, per step."""
    eager_context_expanded: Number
    """transformers: share of both with weight-only formats."""
    eager_prefill_efficiency: Number


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Coefficients))


def coefficients(constants: PerformanceConstants, families: Sequence[str]) -> Coefficients:
    """The constants for pairs whose accelerators are of ``families``.

    A family without its own row takes Hopper's.
    """
    distinct = sorted(set(families))
    if len(distinct) == 1:
        return Coefficients(**{name: constants.value(name, distinct[0]) for name in NAMES})
    where = np.searchsorted(np.array(distinct), np.array(families))
    return Coefficients(**{name: _column(name, constants, distinct, where) for name in NAMES})


def of_values(values: Mapping[str, float]) -> Coefficients:
    """One number each, as the calibration varies them."""
    return Coefficients(**{name: values[name] for name in NAMES})


def _column(
    name: str,
    constants: PerformanceConstants,
    distinct: Sequence[str],
    where: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> Number:
    values = [constants.value(name, family) for family in distinct]
    if len(set(values)) == 1:
        return values[0]
    found: Floats = np.array(values)[where]
    return found
