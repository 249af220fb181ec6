"""One decode step, and one pass over prompt tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.attention import decode_attention, prefill_attention
from qwen3_operator.performance.communication import allreduce, expert_exchange
from qwen3_operator.performance.experts import experts_decode, experts_prefill, launches
from qwen3_operator.performance.kernels import dense_decode, dense_prefill, head

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.coefficients import Coefficients


@dataclass(frozen=True, slots=True)
class Work:
    """What one step does."""

    requests: Floats
    """That decode."""
    context: Floats
    """KV tokens that they read in all."""
    tokens: Floats
    """Of prompts."""
    product: Floats
    """Sum over the prompt tokens of twice the tokens before them."""


_NARROW_LINEARS = 7
_EXPERT_LINEARS = 4
"""Quantized linear layers of a dense layer, and of the attention of a layer with experts."""


def decode_step(batch: Replicas, k: Coefficients, requests: Floats, context: Floats) -> Floats:
    """Seconds of one step that gives each of ``requests`` requests one token, at a mean ``context``."""
    linear = dense_decode(batch, k, requests) + experts_decode(batch, k, requests) + head(batch, k, requests)
    attention = decode_attention(batch, k, requests, context)
    layers = batch.shape.layers * (
        layer_overhead(batch, k)
        + np.where(batch.weights.expanded, k.expanded_layer_time, 0.0)
        + np.where(batch.weights.narrow, k.narrow_layer_time, 0.0)
    )
    per_request = np.where(batch.vllm, k.vllm_request_time, k.request_time)
    step = step_overhead(batch, k) + requests * per_request
    sent = allreduce(batch, k, requests) + expert_exchange(batch, k, requests)
    time = linear + attention + sent + layers + step
    looped = batch.shape.layers * k.looped_layer_time + launches(batch, k, requests)
    time = np.where(batch.loops_over_experts, np.maximum(time, looped), time)
    time = np.where(batch.slow_experts, np.maximum(time, batch.shape.layers * k.slow_expert_layer_time), time)
    return np.where(batch.transformers, _transformers_step(batch, k, linear, context), time)


def prefill_pass(batch: Replicas, k: Coefficients, tokens: Floats, length: Floats) -> Floats:
    """Seconds of one pass over ``tokens`` tokens of prompts of ``length``, without the pass's overhead."""
    shape = batch.shape
    per_token = (
        8 * shape.hidden
        + (2 * (shape.heads + 2 * shape.kv_heads) * shape.head_dim + 3 * shape.width) / batch.tensor_parallel
        + shape.per_token * (2 * shape.hidden + 3 * shape.expert_width / batch.expert_shards)
    )
    moved = tokens * 2 * shape.layers * per_token * k.activation_traffic
    return np.asarray(
        dense_prefill(batch, k, tokens)
        + experts_prefill(batch, k, tokens)
        + prefill_attention(batch, k, tokens, length)
        + moved / (batch.device.bandwidth * k.memory_efficiency)
        + allreduce(batch, k, tokens)
        + expert_exchange(batch, k, tokens)
    )


def mixed_step(batch: Replicas, k: Coefficients, work: Work) -> Floats:
    """Seconds of one step over decoding requests and prompt tokens together; either may be none."""
    requests, tokens = work.requests, work.tokens
    none = np.zeros_like(requests)
    decode = decode_step(batch, k, np.maximum(requests, 1.0), none)
    per_request = np.where(batch.vllm, k.vllm_request_time, k.request_time)
    prompts = (
        prefill_pass(batch, k, np.maximum(requests + tokens, 1.0), none)
        + head(batch, k, np.maximum(requests, 1.0))
        + pass_overhead(batch, k)
        + step_overhead(batch, k)
        - k.step_time
        + requests * per_request
    )
    eager = np.where(batch.vllm & (batch.data_parallel > 1), batch.shape.layers * k.vllm_eager_layer_time, 0.0)
    prompts = np.maximum(prompts, eager)
    attention = decode_attention(batch, k, np.ones_like(requests), work.context)
    attention += prefill_attention(batch, k, np.ones_like(requests), work.product)
    return np.where(tokens > 0, np.maximum(prompts, decode), decode) + attention


def step_overhead(batch: Replicas, k: Coefficients) -> Floats:
    """Seconds that a step takes whatever it does."""
    engine = np.where(batch.vllm, k.vllm_step_time, np.where(batch.early, k.early_step_time, 0.0))
    return np.asarray(k.step_time + engine)


def layer_overhead(batch: Replicas, k: Coefficients) -> Floats:
    """Seconds that a layer takes beside its large kernels."""
    routing = k.expert_layer_time + np.where(batch.early, k.early_expert_layer_time, 0.0)
    return np.asarray(k.layer_time + np.where(batch.expert_model, routing, 0.0))


def pass_overhead(batch: Replicas, k: Coefficients) -> Floats:
    """Seconds that a pass over prompt tokens takes beside its large kernels."""
    eager = np.where(batch.transformers, batch.shape.layers * _eager_layer(batch, k), 0.0)
    return np.asarray(batch.shape.layers * layer_overhead(batch, k) + k.step_time + eager)


def _eager_layer(batch: Replicas, k: Coefficients) -> Floats:
    return np.asarray(k.eager_layer_time * (1 + batch.shape.experts * k.eager_expert_share))


def _transformers_step(batch: Replicas, k: Coefficients, linear: Floats, context: Floats) -> Floats:
    """Transformers runs eagerly: the host launches every operation, one expert after the other."""
    shape = batch.shape
    slow_linear = batch.weights.narrow | batch.weights.fixed_point
    linears = np.where(batch.expert_model, _EXPERT_LINEARS + 3 * shape.experts, _NARROW_LINEARS)
    host = shape.layers * (_eager_layer(batch, k) + np.where(slow_linear, linears * k.eager_linear_time, 0.0))
    share = np.where(batch.weights.expanded, k.eager_context_expanded, 1.0)
    attention = np.maximum(0.0, share * (k.eager_context_time * context - k.eager_context_hidden))
    matrices = np.where(batch.expert_model, _EXPERT_LINEARS, _NARROW_LINEARS)
    unsplit = np.where(batch.weights.narrow, shape.layers * matrices * k.eager_narrow_time * shape.hidden, 0.0)
    return np.asarray(np.maximum(host, linear) + attention + unsplit)
