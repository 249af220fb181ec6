"""What the devices of a replica send each other: all-reduce, and tokens on their way to experts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Flags, Floats, Replicas
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
    passes = np.where(_switched(batch), 1.0, 2 * (parts - 1) / parts)
    moved = tokens * batch.shape.hidden * _BYTES * passes
    time = 2 * batch.shape.layers * (latency + moved / _bandwidth(batch, k))
    return np.where(parts > 1, time, 0.0)


def expert_exchange(batch: Replicas, k: Coefficients, tokens: Floats) -> Floats:
    """Seconds in which data-parallel groups gather all tokens for the experts they hold, and give the sums back.

    An all-gather and a reduce-scatter per layer, as vLLM does by default; ``tokens`` are of one group.
    """
    groups = batch.data_parallel
    moved = tokens * (groups - 1) * batch.shape.hidden * _BYTES
    time = 2 * batch.shape.layers * (k.allreduce_latency + moved / _bandwidth(batch, k))
    return np.where((groups > 1) & batch.expert_model, time, 0.0)


def _switched(batch: Replicas) -> Flags:
    return batch.device.link >= _SWITCHED


def _bandwidth(batch: Replicas, k: Coefficients) -> Floats:
    return np.asarray(batch.device.link * np.where(_switched(batch), k.link_efficiency, k.bus_efficiency))
