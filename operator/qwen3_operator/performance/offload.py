"""llama.cpp on a device that is too small: as many layers as fit on it, the rest on the host's processor.

Every token reads the weights it uses once, each part at the speed of the memory that it lies in; the parts follow each
other. Prompts are computed on the device, for which the layers of the host are sent over, once per micro batch. No row
was measured: the efficiencies are estimates, and so is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from qwen3_operator.performance.formats import half_rate

if TYPE_CHECKING:
    from qwen3_operator.catalog import Accelerator, Checkpoint, Model
    from qwen3_operator.catalog.performance import PerformanceConstants

_MICRO_BATCH = 512
"""Prompt tokens of one pass (llama.cpp --ubatch-size)."""
_FOOTPRINT = 250 << 20
"""Of the driver on a device (gguf-parser-go file_estimate__llamacpp.go @8dc7a622)."""
_LOGIT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Host:
    """The node beside the device, in bytes per second."""

    memory_bandwidth: float
    link_bandwidth: float
    """To the device."""


ASSUMED_HOST = Host(memory_bandwidth=60e9, link_bandwidth=25e9)
"""Two channels of DDR5 and PCIe 4.0 x16: what is taken where nothing is said of the node."""


@dataclass(frozen=True, slots=True)
class Offload:
    """How a model is split, and what that costs one request at a time."""

    layers: int
    """On the device, the output head counted as one; llama.cpp's --n-gpu-layers."""
    of: int
    device_bytes: int
    """Weights, KV cache and buffers on the device."""
    host_bytes: int
    """Weights and KV cache in the host's memory."""
    time_to_first_token: float
    """Seconds."""
    tokens_per_second: float


def offload(
    *,
    model: Model,
    checkpoint: Checkpoint,
    accelerator: Accelerator,
    device_memory: int,
    host: Host,
    context: int,
    prompt: int,
    constants: PerformanceConstants,
) -> Offload | None:
    """The split with the most layers on the device; None where the device's speed is not known.

    Args:
        model: a model.
        checkpoint: its GGUF file.
        accelerator: the device, for its speed.
        device_memory: bytes that are free on it.
        host: the node beside it.
        context: tokens for which KV cache is set aside.
        prompt: tokens of a prompt, for the time to first token; speed is that at its end.
        constants: of the catalog.
    """
    split = Split(model, checkpoint.loaded_bytes, context)
    layers = split.fitting(device_memory)
    times = split_times(split, layers, accelerator, host=host, prompt=prompt, constants=constants)
    if times is None:
        return None
    first_token, each = times
    return Offload(
        layers=layers,
        of=split.of,
        device_bytes=split.on_device(layers),
        host_bytes=split.on_host(layers),
        time_to_first_token=first_token,
        tokens_per_second=1 / each,
    )


def split_times(
    split: Split,
    layers: int,
    accelerator: Accelerator,
    *,
    host: Host,
    prompt: int,
    constants: PerformanceConstants,
) -> tuple[float, float] | None:
    """Seconds to the first token and per token of one request alone; None where the device's speed is not known."""
    bandwidth, rate = accelerator.memory_bandwidth, half_rate(accelerator)
    if bandwidth is None or rate is None:
        return None
    model = split.model
    whole = layers > model.layers
    there = min(layers, model.layers)
    share = there / model.layers
    efficiency = constants.value("memory_efficiency", accelerator.name, accelerator.family)
    on_device = share * split.read(prompt) + (split.head if whole else 0)
    on_host = (1 - share) * split.read(prompt) + (0 if whole else split.head)
    step = on_device / (bandwidth * efficiency)
    step += on_host / (host.memory_bandwidth * constants.value("host_efficiency"))
    step += model.layers * constants.value("layer_time") + constants.value("step_time")
    sent = ceil(prompt / _MICRO_BATCH) * (model.layers - there) * split.layer / host.link_bandwidth
    work = 2 * prompt * (model.active_parameters - model.embedding_parameters)
    computed = work / (rate * constants.value("prefill_efficiency", accelerator.name, accelerator.family))
    return sent + computed + step, step


class Split:
    """Bytes of a model's parts, with KV cache for ``context`` tokens."""

    def __init__(self, model: Model, weights: int, context: int) -> None:
        per_parameter = weights / model.parameters
        self.model = model
        self.head = round(model.head_parameters * per_parameter)
        self._embedding = 0 if model.tied_embeddings else self.head
        self.layer = (weights - self.head - self._embedding) / model.layers
        self._cache = context * model.kv_bytes_per_token(1) / model.layers
        self.logits = _MICRO_BATCH * model.vocab_size * _LOGIT_BYTES
        self.buffers = _FOOTPRINT + self.logits
        self.total = round(weights + self._cache * model.layers)

    @property
    def of(self) -> int:
        """Layers of the model, the output head counted as one."""
        return self.model.layers + 1

    def read(self, tokens: int) -> float:
        """Bytes that all layers read for one token after so many."""
        model = self.model
        used = (model.active_parameters - model.embedding_parameters) / (model.parameters - model.embedding_parameters)
        return used * self.layer * model.layers + tokens * model.kv_bytes_per_token(1)

    def weights(self, layers: int) -> int:
        """Bytes of weights on the device with so many layers on it; the embedding stays with the host."""
        head = self.head if layers > self.model.layers else 0
        return ceil(min(layers, self.model.layers) * self.layer) + head

    def on_device(self, layers: int) -> int:
        """Bytes that the device holds with so many layers on it."""
        if not layers:
            return 0
        return self.buffers + self.weights(layers) + ceil(min(layers, self.model.layers) * self._cache)

    def on_host(self, layers: int) -> int:
        """Bytes of weights and KV cache in the host's memory."""
        return max(0, self.total - self.on_device(layers) + (self.buffers if layers else 0))

    def fitting(self, memory: int) -> int:
        """Most layers that fit."""
        counts = range(self.of, 0, -1)
        return next((count for count in counts if self.on_device(count) <= memory), 0)
