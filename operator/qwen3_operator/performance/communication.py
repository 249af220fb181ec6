"""All-reduce between the devices of a replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.coefficients import Coefficients

_BYTES = 2
"""Activations are BF16."""
_SWITCHED = 200e9
"""Bytes per second from which a link leads to a switch that sums (NVLink SHARP): data go out and come back once, where
a ring passes them on 2 (n - 1) / n times."""


def allreduce(batch: Replicas, k: Coefficients, tokens: Floats) -> Floats:
    """Seconds of the two all-reduces of every layer over ``tokens`` rows of activations."""
    parts = batch.tensor_parallel
    latency = k.allreduce_latency * (1 + k.allreduce_growth * np.log2(np.maximum(parts, 2) / 2))
    passes = np.where(batch.device.link >= _SWITCHED, 1.0, 2 * (parts - 1) / parts)
    moved = tokens * batch.shape.hidden * _BYTES * passes
    time = 2 * batch.shape.layers * (latency + moved / (batch.device.link * k.link_efficiency))
    return np.where(parts > 1, time, 0.0)
