"""Constants of the model, looked up for each pair by its accelerator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from qwen3_operator.performance.arrays import Floats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qwen3_operator.catalog import Accelerator
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
    """Achieved / nominal rate of matrix products with many rows."""
    attention_efficiency: Number
    """Achieved / nominal rate of attention over a prompt."""
    decode_attention_efficiency: Number
    """Achieved / nominal rate of attention over the KV cache, counted with the rows of the tile."""
    small_group_bandwidth: Number
    """Share of ``memory_efficiency`` where fewer than four query heads share a KV head."""
    prefill_narrow: Number
    """FP8 against BF16 there, each by its own nominal rate."""
    expert_efficiency: Number
    """Achieved / nominal rate of grouped matrix products."""
    tile_rows: Number
    """Rows that the tensor cores compute at least."""
    expert_tile_rows: Number
    vllm_prefill: Number
    """vLLM's products with many rows against SGLang's."""
    activation_traffic: Number
    """Memory traffic of activations over the least that fused kernels need."""
    allreduce_latency: Number
    """Of two devices."""
    allreduce_growth: Number
    """Share added per doubling of the devices."""
    link_efficiency: Number
    """Achieved / nominal bandwidth of links that lead to a switch (NVLink)."""
    bus_efficiency: Number
    """The same of PCIe."""
    layer_time: Number
    """Of one decode step: launches and gaps of the small kernels."""
    expert_layer_time: Number
    """Added by routing."""
    early_expert_layer_time: Number
    """Added by routing in SGLang before 0.5."""
    narrow_layer_time: Number
    """Added by quantizing activations."""
    narrow_block_time: Number
    """Of one block of 128 inputs of an FP8 product: blocks follow each other."""
    expanded_layer_time: Number
    """Added by weight-only kernels."""
    expanded_rows: Number
    """Rows whose products take as long as expanding the weights once."""
    expanded_prefill: Number
    """Weight-only kernels against BF16 with many rows."""
    step_time: Number
    """Of one step: scheduler, sampling, input."""
    early_step_time: Number
    """Added by SGLang before 0.5."""
    request_time: Number
    """Added per request of a step."""
    vllm_step_time: Number
    """Added by vLLM."""
    vllm_eager_layer_time: Number
    """Of the host in steps with prompts that data-parallel groups take together: they run without graphs."""
    vllm_request_time: Number
    """vLLM's ``request_time``."""
    front_time: Number
    """Once per request: HTTP, tokenizer, detokenizer."""
    vllm_front_time: Number
    """vLLM's."""
    wave_short: Number
    """SGLang: wait for the first token over that of clients exactly in step, for short answers."""
    wave_long: Number
    """The same for long answers."""
    crowd: Number
    """vLLM: share of all other prompts that a prompt waits for."""
    preemption: Number
    """vLLM short of cache: prompts computed again per request, over the squared share of the answer."""
    crowding: Number
    """vLLM: prompts that it waits for beside, where they fill a step."""
    slow_prefill_attention: Number
    """Factor of the one deployment on SGLang 0.5.6 that was measured so."""
    slow_context_time: Number
    """Seconds there per layer and token of one request's KV cache, whatever the number of requests: as if one block of
    threads read it alone."""
    slow_expert_layer_time: Number
    """Seconds of a layer in the one deployment on vLLM 0.12 that was measured so."""
    eager_layer_time: Number
    """Of the host where layers run without a graph."""
    launch_time: Number
    """Of the host per kernel, where one kernel per expert is launched."""
    looped_attention: Number
    """Attention over a prompt there, against other formats: without FlashAttention 3."""
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


def coefficients(constants: PerformanceConstants, accelerators: Sequence[Accelerator]) -> Coefficients:
    """The constants for pairs on ``accelerators``.

    An accelerator without its own row takes its family's, and a family without one takes Hopper's.
    """
    places = [(accelerator.name, accelerator.family) for accelerator in accelerators]
    distinct = sorted(set(places))
    index = {place: number for number, place in enumerate(distinct)}
    where = np.array([index[place] for place in places])
    return Coefficients(**{name: _column(name, constants, distinct, where) for name in NAMES})


def _column(
    name: str, constants: PerformanceConstants, places: Sequence[tuple[str, str]], where: NDArray[np.intp]
) -> Number:
    values = [constants.value(name, accelerator, family) for accelerator, family in places]
    if len(set(values)) == 1:
        return values[0]
    found: Floats = np.array(values)[where]
    return found
