"""Pairs of layout and load as arrays, one element per pair: what the formulas work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


class Shape(NamedTuple):
    """Of models. Parameters are those that one forward pass uses."""

    layers: Floats
    attention_layers: Floats
    hidden: Floats
    heads: Floats
    kv_heads: Floats
    head_dim: Floats
    dense: Floats
    """Parameters of all layers that every token passes: attention, recurrent layers, dense or shared feed-forward."""
    width: Floats
    """Inner width of the dense feed-forward block, or of the shared expert."""
    head: Floats
    experts: Floats
    per_token: Floats
    expert: Floats
    """Parameters of one expert of one layer."""
    expert_width: Floats
    state: Floats
    """Bytes of recurrent state of one request."""
    out: Floats
    """Inputs of an attention layer's output projection."""


class Device(NamedTuple):
    """Of accelerators, in bytes and operations per second."""

    bandwidth: Floats
    half: Floats
    """Matrix products in BF16, or FP16 where there is no BF16."""
    link: Floats
    """One direction."""


class Weights(NamedTuple):
    """Of a format on an accelerator."""

    bytes: Floats
    """Per parameter."""
    rate: Floats
    """Operations per second of matrix products."""
    narrow: Flags
    """Computed in 8 or 4 bits: activations are quantized on the way."""
    expanded: Flags
    """Expanded to 16 bits inside the kernel."""
    fixed_point: Flags
    """GPTQ: no fused kernel for experts in SGLang before 0.5."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Arrays of equal length: one element per pair of layout and load."""

    shape: Shape
    device: Device
    weights: Weights
    vllm: Flags
    transformers: Flags
    early: Flags
    """SGLang before 0.5."""
    drifting: Flags
    """SGLang before 0.5.6: the rows of 0.5.1 show clients drift apart with long answers, those of 0.5.6 do not."""
    slow_attention: Flags
    """SGLang 0.5.6 with sixteen or more query heads per KV head."""
    slow_experts: Flags
    """vLLM 0.12 with FP8 experts and sixteen or more query heads per KV head."""
    tensor_parallel: Floats
    data_parallel: Floats
    expert_shards: Floats
    """Devices over which the experts are spread."""
    expert_parallel: Floats
    kv_element: Floats
    """Bytes."""
    chunk: Floats
    """Prompt tokens that the engine computes in one pass."""
    input: Floats
    output: Floats
    long_input: Floats
    """At least ``input``."""
    clients: Floats
    """Per data-parallel group."""
    kv_tokens: Floats
    """Per data-parallel group; infinite where not given."""

    @property
    def kv_shards(self) -> Floats:
        """Devices over which the KV heads are spread; beyond their number they are copied."""
        return np.minimum(self.tensor_parallel, self.shape.kv_heads)

    @property
    def expert_model(self) -> Flags:
        """Whether the model has experts."""
        return self.shape.experts > 0

    @property
    def loops_over_experts(self) -> Flags:
        """SGLang before 0.5 runs GPTQ experts one by one, launched from the host (vLLM 0.7's marlin_gemm_moe)."""
        return self.early & self.weights.fixed_point & self.expert_model
