"""Formats of weights as the kernels see them: bytes to read, and the rate to compute at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.catalog.accelerators import Accelerator, Precision


class Format(NamedTuple):
    """One format of weights."""

    bytes: float
    """Of one weight of a quantized layer with its scales."""
    precision: Precision
    """At which it is computed where the device can; otherwise weights are expanded to BF16."""


# int4: 4 bits and per group of 128 a BF16 scale and a 4-bit zero; int8 likewise; FP8: a BF16 scale per block of
# 128 x 128; NVFP4: 4 bits and an FP8 scale per 16 weights; GGUF: llama.cpp block_q4_K (4.5 bits, with some q6_K
# tensors 4.85 in all) and block_q8_0 (34 bytes for 32 weights).
FORMATS: Mapping[str, Format] = {
    "BF16": Format(2.0, "BF16"),
    "FP8": Format(1.0001, "FP8"),
    "W8A8": Format(1.0, "INT8"),
    "AWQ-INT4": Format(0.5195, "BF16"),
    "GPTQ-INT4": Format(0.5195, "BF16"),
    "GPTQ-INT8": Format(1.024, "BF16"),
    "NVFP4": Format(0.5625, "FP4"),
    "GGUF-Q4_K_M": Format(0.606, "BF16"),
    "GGUF-Q8_0": Format(1.0625, "BF16"),
}


def half_rate(accelerator: Accelerator) -> float | None:
    """Operations per second in 16-bit floating point; FP16 on devices without BF16."""
    return accelerator.rates.get("BF16") or accelerator.rates.get("FP16")


def native(quantization: str, accelerator: Accelerator) -> bool:
    """Whether the device computes in the format's own precision (and the weights need no expanding)."""
    form = FORMATS[quantization]
    if quantization == "BF16":
        return True
    return form.precision != "BF16" and form.precision in accelerator.rates


def rate(quantization: str, accelerator: Accelerator) -> float | None:
    """Operations per second of matrix products with these weights; None where the catalog has no number."""
    if native(quantization, accelerator):
        return accelerator.rates.get(FORMATS[quantization].precision) or half_rate(accelerator)
    return half_rate(accelerator)
