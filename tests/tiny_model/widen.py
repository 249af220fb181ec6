"""Qwen3-Tiny with rows of whole blocks of 256 values, as K-quants need them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]
_WIDER: Final = 2
BLOCK: Final = 256


def widen(config: Mapping[str, Any], tensors: Tensors) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """The same function with zeros in its new rows and columns.

    Heads double with the hidden size, so that each still has the keys that it had. A norm takes its mean over twice as
    many values then, half of them zeros: its weights are divided by the square root of 2, and the epsilon halves.
    """
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    wider_inner = math.ceil(inner / BLOCK) * BLOCK
    sizes = {size: _WIDER * size for size in (hidden, heads * head, groups * head)} | {inner: wider_inner}
    wider = {
        "hidden_size": _WIDER * hidden,
        "intermediate_size": wider_inner,
        "num_attention_heads": _WIDER * heads,
        "num_key_value_heads": _WIDER * groups,
        "rms_norm_eps": config["rms_norm_eps"] / _WIDER,
    }
    return dict(config) | wider, {name: _padded(values, hidden, sizes) for name, values in tensors.items()}


def _padded(values: NDArray[np.float32], hidden: int, sizes: Mapping[int, int]) -> NDArray[np.float32]:
    if values.shape == (hidden,):
        values = values / np.float32(math.sqrt(_WIDER))
    return np.pad(values, [(0, sizes.get(size, size) - size) for size in values.shape])
