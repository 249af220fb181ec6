"""How large a checkpoint is, from a model's shape and the widths of its format."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog.architecture import BF16_BYTES, Architecture
from qwen3_operator.catalog.checkpoints import Bits, Checkpoint, CheckpointRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.catalog.checkpoints import QuantizationFormat

Q4_K, Q6_K = 4.5, 6.5625
"""Bits per parameter of llama.cpp's blocks of 256: 144 and 210 bytes (ggml-common.h)."""
GGUF_HEADER_BYTES = 5_960_000
"""Vocabulary and merges in the head of a GGUF file: what Qwen's 0.6B and 8B Q8_0 files hold beside their tensors."""


def with_size(
    row: CheckpointRow, model: Architecture, formats: Mapping[Quantization, QuantizationFormat]
) -> Checkpoint:
    """The checkpoint with its size: the stated one, else computed.

    Raises:
        ValueError: no size is stated and the format has no widths to compute one from.
    """
    form = formats.get(row.quantization)
    if form is None:
        raise ValueError(f"quantization {row.quantization} has no row in quantizations.yaml")
    bits = row.bits or form.bits
    if row.quantization is Quantization.GGUF_Q4_K_M:
        bits = q4_k_m(model)
    size = row.bytes or (stored_bytes(model, bits) if bits else None)
    if size is None:
        raise ValueError(f"bytes are needed: the size of {row.quantization} cannot be computed")
    if row.bytes is None and row.quantization in {Quantization.GGUF_Q4_K_M, Quantization.GGUF_Q8_0}:
        size += GGUF_HEADER_BYTES
    return Checkpoint(
        quantization=row.quantization,
        repository=row.repository,
        hubs=row.hubs,
        source=row.source,
        bytes=size,
        size=row.size or ("repository" if row.bytes else "computed"),
        mtp_bytes=_mtp_bytes(model, bits or Bits()) if row.mtp else 0,
    )


def stored_bytes(model: Architecture, bits: Bits) -> int:
    """Bytes of a repository; encoders are left in BF16."""
    head = model.embedding_parameters - model.head_parameters
    attention = model.attention_parameters + model.recurrent_projection_parameters
    named = model.embedding_parameters + attention + model.expert_parameters + model.feed_forward_parameters
    total = (
        attention * bits.attention
        + model.expert_parameters * bits.experts
        + model.feed_forward_parameters * bits.feed_forward
        + model.head_parameters * bits.embedding
        + head * bits.head
        + (model.text_parameters - named) * bits.rest
    )
    return ceil(total / 8) + model.vision_parameters * BF16_BYTES + _mtp_bytes(model, bits)


def _mtp_bytes(model: Architecture, bits: Bits) -> int:
    linear = model.mtp_linear_parameters
    return ceil(linear * bits.mtp / 8) + (model.mtp_parameters - linear) * BF16_BYTES


def q4_k_m(model: Architecture) -> Bits:
    """Mean widths of llama.cpp's Q4_K_M mix for a model without recurrent layers.

    Value and down projections of half the layers and the output head are Q6_K, the rest is Q4_K; norms and routers are
    in FP32 (llama-quant.cpp, llama_tensor_get_type and use_more_bits).
    """
    finer = sum(_more_bits(layer, model.layers) for layer in range(model.layers)) / model.layers
    values = model.kv_projection_parameters / 2 / model.attention_parameters
    down = Q4_K + (Q6_K - Q4_K) * finer / 3
    tied = model.embedding_parameters == model.head_parameters
    return Bits(
        attention=Q4_K + (Q6_K - Q4_K) * finer * values,
        experts=down,
        feed_forward=down,
        embedding=Q6_K if tied else Q4_K,
        head=Q6_K,
        rest=32,
    )


def _more_bits(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2  # noqa: PLR2004
