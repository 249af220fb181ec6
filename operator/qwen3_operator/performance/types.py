"""What is asked of the performance model, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import Quantization
    from qwen3_operator.catalog import Accelerator, Model
    from qwen3_operator.catalog.base import Known


@dataclass(frozen=True, slots=True)
class Layout:
    """One replica: a model on devices of one kind. It takes ``tensor_parallel * data_parallel`` devices."""

    model: Model
    accelerator: Accelerator
    quantization: Quantization
    engine: str = "SGLang"
    tensor_parallel: int = 1
    """Of the attention."""
    expert_parallel: int = 1
    """Parts into which the experts are dealt; inside each they are cut until all devices hold a part."""
    data_parallel: int = 1
    """Of the attention: groups of devices with KV cache and requests of their own."""
    memory_bytes: int = 0
    """Of one device as its node reports it; 0: what the catalog says."""
    engine_version: str = ""
    """Empty: a current one."""
    kv_element_bytes: int = 2
    nodes: int = 1
    """Nodes over which the devices are spread."""

    @property
    def devices(self) -> int:
        """Devices of the replica."""
        return self.tensor_parallel * self.data_parallel

    @property
    def device_memory_bytes(self) -> int:
        """Memory of one device."""
        return self.memory_bytes or self.accelerator.memory_bytes


@dataclass(frozen=True, slots=True)
class Load:
    """Clients that each send the next request when the last is answered."""

    input_tokens: int
    output_tokens: int
    """Mean lengths of prompts and answers."""
    concurrency: float
    """Of the replica."""
    kv_tokens: int | None = None
    """KV cache of the replica in tokens; None: more than the load can fill."""
    long_input_tokens: int = 0
    """Length of a prompt at the 95th percentile; up to ``input_tokens``: all are of one length."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Times in seconds, as a client sees them; means over requests where nothing else is said."""

    time_to_first_token: float
    time_per_output_token: float
    """(End - first token) / (output tokens - 1)."""
    time_to_first_token_p95: float
    output_tokens_per_second: float
    """Of the replica."""
    request_tokens_per_second: float
    """Of one request: prompt and answer over the time it takes, as Qwen's speed table counts."""
    running: float
    """Requests that run at a time; the others wait for KV cache."""
    known: Known
    """Of the means. ``measured``: calibrated on measured rows of this family of accelerators, engine, format, kind of
    model and of load (coverage.py); not itself a measurement. ``calculated``: not, as always at a percentile."""
