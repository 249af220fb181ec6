"""What an engine and the system around it take of a device beside weights and KV cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from qwen3_operator.api.deployment import Quantization  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.accelerators import DeviceKind, Family  # noqa: TC001  # pydantic reads them at run time
from qwen3_operator.catalog.base import MIB, Known, Row
from qwen3_runtime.config import Engine as EngineName  # noqa: TC001  # pydantic reads it at run time

if TYPE_CHECKING:
    from qwen3_operator.catalog.shapes import Vision

_WIDE = 4
"""From this tensor parallel size on the engine captures graphs for larger batches."""
_LARGE_BATCH = 300
"""Above this decode batch attention data parallelism takes half as much again."""
_MINIMUM_PREFILL = 2048


def _mib(name: str) -> float:
    """A field in MiB, whose alias the camel-case rule would misspell."""
    value: float = Field(ge=0, alias=name)
    return value


class Reserve(Row):
    """Coefficients of the engine's own reserve, in MiB."""

    fixed: float = _mib("fixedMiB")
    per_prefill_token: float = _mib("perPrefillTokenMiB")
    per_eight_devices: float = _mib("perEightDevicesMiB")
    per_decode_batch: float = _mib("perDecodeBatchMiB")
    per_data_parallel_batch: float = _mib("perDataParallelBatchMiB")
    """For each request of the decode batch and each attention data parallel group, where there are several."""
    per_prefill_graph: float = _mib("perPrefillGraphMiB")
    floor: float = _mib("floorMiB")
    floor_above: float = _mib("floorAboveMiB")
    """Device memory above which ``floor`` holds."""
    source: str


class ReserveStep(Row):
    """Defaults that the engine takes for devices with less memory than ``below``."""

    device: DeviceKind
    below: float = _mib("belowMiB")
    prefill_tokens: int
    decode_batch: int = 0
    decode_batch_wide: int = 0
    prefill_graphs: int = 0
    running_requests: int | None = None
    """Requests that the engine runs at a time at most on such devices."""


class DeviceCost(Row):
    """What one kind of device costs on its node."""

    device: DeviceKind
    page_tokens: Annotated[int, Field(ge=1)]
    """KV cache is given out in pages of so many tokens."""
    context: float = _mib("contextMiB")
    """Driver context and, on CPUs, the engine's processes."""
    collective: dict[int, float] = Field(alias="collectiveMiB")
    """Communication buffers from a tensor parallel size on."""
    cpu_millicores_per_device: int
    host_memory_per_device: float = _mib("hostMemoryMiBPerDevice")
    source: str

    def overhead_bytes(self, tensor_parallel: int) -> int:
        """Memory of one device that neither engine nor model gets."""
        collective = max((mib for size, mib in self.collective.items() if size <= tensor_parallel), default=0.0)
        return round((self.context + collective) * MIB)


class AdapterRule(Row):
    """How an engine makes room for LoRA adapters."""

    devices: tuple[DeviceKind, ...]
    """On which it serves them."""
    ranks: tuple[int, ...] = ()
    """Ranks that there can be room for; the next one above is taken. Empty: any."""
    base_slot: bool = False
    """Whether the model without an adapter takes the room of one more."""
    source: str

    def rank(self, asked: int) -> int:
        """Rank that room is made for. No adapter's is above the largest."""
        return next((rank for rank in self.ranks if rank >= asked), asked)


class ReportedSpeed(Row):
    """Tokens per second of one request alone, as somebody saw it; not measured by the project."""

    model: str
    quantization: Quantization
    accelerator: str
    tokens_per_second: Annotated[float, Field(gt=0)]
    source: str


class Engine(Row):
    """An engine version: where it runs, and its memory rules."""

    name: EngineName
    version: str
    families: tuple[Family, ...]
    """Accelerator families that it runs on."""
    reserve: Reserve | None = None
    """The engine's rule for its reserve, where it has one that depends on the device."""
    steps: tuple[ReserveStep, ...] = ()
    memory_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the device that the engine takes in all, where that is a plain number."""
    working_per_prefill_token: float = Field(0, ge=0, alias="workingPerPrefillTokenMiB")
    """What the engine's profile run takes out of that share for each token of a prefill step."""
    buffers: float = Field(0, ge=0, alias="buffersMiB")
    """Fixed compute buffers out of that share."""
    tensor_parallel: tuple[int, ...] = ()
    """Numbers of devices that one replica may have. Empty: any that the model can be cut into."""
    expert_parallel: Literal["Any", "All", "None"] = "Any"
    """Into how many groups experts are dealt: any number, all devices or one, or always one."""
    data_parallel: bool = True
    """Whether groups of devices may keep the attention of their own requests."""
    spans_nodes: bool = False
    """Whether one replica may run in several pods, each on a node of its own."""
    fp8_cache: bool = True
    """Whether the KV cache may be kept in FP8."""
    running_requests: int | None = None
    """Requests that the engine runs at a time at most; None: by its steps, or SGLang's rule."""
    whole_context: bool = False
    """Whether each request takes KV cache of the whole context, however long it is."""
    splits_with_host: bool = False
    """Whether a model that is too large for its device may lie in the host's memory in part."""
    limits_thinking: bool = False
    """Whether a thought ends with a given number of tokens: what spec.thinking.maxBudgetTokens needs."""
    embeds: bool = True
    """Whether it serves models that embed or rank texts."""
    adapters: AdapterRule | None = None
    """Of LoRA adapters, each served under its own name; None: it does not serve them so."""
    reported: tuple[ReportedSpeed, ...] = ()
    """Speeds that come before what is calculated for the same model, format and device."""
    unverified: str = ""
    """What is to be said of an engine that the project never ran on its hardware."""
    oldest_cann: Annotated[str, Field(pattern=r"^(\d+(\.\d+)*)?$")] = ""
    """CANN that it needs on Ascend; pods with an older one end with CannTooOld. Empty: not known, and not checked."""
    devices: tuple[DeviceCost, ...] = ()
    cpu_minimum_kv_tokens: int = 0
    cpu_reserve: float = Field(0, ge=0, alias="cpuReserveMiB")
    state_slots_per_request: Annotated[int, Field(ge=1)] = 1
    """Slots of recurrent state that a running request takes."""
    state_memory_ratio: Annotated[float, Field(gt=0)] | None = None
    """Memory for recurrent states over memory for the KV cache; None where both come out of one pool."""
    known: Known
    source: str

    @property
    def label(self) -> str:
        """``SGLang 0.5.23``; the name alone where the catalog pins no version."""
        return f"{self.name} {self.version}".rstrip()

    def cost(self, device: DeviceKind) -> DeviceCost:
        """Costs of one kind of device.

        Raises:
            LookupError: the engine does not run on it.
        """
        for cost in self.devices:
            if cost.device == device:
                return cost
        raise LookupError(f"{self.label} does not run on {device} devices")

    def working_bytes(self, device: DeviceKind, memory_bytes: int) -> int:
        """What the engine works with on a device of that size, where its share is a plain number."""
        step = self.step(device, memory_bytes)
        tokens = step.prefill_tokens if step and self.memory_fraction is not None else 0
        return round((self.working_per_prefill_token * tokens + self.buffers) * MIB)

    def most_running(self, device: DeviceKind, memory_bytes: int) -> int | None:
        """Requests that the engine runs at a time at most; None: SGLang's rule, which depends on the KV cache."""
        step = self.step(device, memory_bytes)
        return step.running_requests if step and step.running_requests else self.running_requests

    def step(self, device: DeviceKind, memory_bytes: int) -> ReserveStep | None:
        """The defaults that the engine takes for a device of that size, where it has such."""
        memory = memory_bytes / MIB
        return next((step for step in self.steps if step.device == device and memory < step.below), None)

    def static_fraction(
        self,
        device: DeviceKind,
        memory_bytes: int,
        tensor_parallel: int,
        data_parallel: int = 1,
        vision: Vision | None = None,
    ) -> float:
        """Share of a device's memory for weights and KV cache: the engine's ``mem_fraction_static``.

        Zero where the reserve alone is larger than the device. Multimodal models get less, by the width of their
        vision tower (sglang 0.5.23 memory_hook.py, adjust_mem_fraction_for_vlm).

        Raises:
            LookupError: the catalog has no rule for this engine on such a device.
        """
        if self.memory_fraction is not None:
            return self.memory_fraction
        fraction = max(0.0, round(1 - self._reserved(device, memory_bytes, tensor_parallel, data_parallel), 3))
        return fraction * _vision_factor(vision) if vision else fraction

    def _reserved(self, device: DeviceKind, memory_bytes: int, tensor_parallel: int, data_parallel: int) -> float:
        """The reserve as a share of the device."""
        memory, rule, step = memory_bytes / MIB, self.reserve, self.step(device, memory_bytes)
        if rule is None or step is None:
            raise LookupError(f"the reserve of {self.label} on {device} devices is not known")
        batch = step.decode_batch if tensor_parallel < _WIDE else step.decode_batch_wide
        reserved = (
            rule.fixed
            + rule.per_prefill_token * max(step.prefill_tokens, _MINIMUM_PREFILL)
            + rule.per_eight_devices * tensor_parallel / 8
            + rule.per_decode_batch * batch
            + rule.per_prefill_graph * step.prefill_graphs
        )
        if data_parallel > 1:
            large = 1.5 if batch > _LARGE_BATCH else 1
            reserved += rule.per_data_parallel_batch * batch * data_parallel * large
        if memory > rule.floor_above:
            reserved = max(reserved, rule.floor)
        return reserved / memory


def _vision_factor(vision: Vision) -> float:
    """0.95, and 10 % less for each time that the tower is as wide again, squared, as ViT-L (1024)."""
    adjusted = 1 - 0.1 * ((vision.hidden_size / 1024) ** 2 - 1)
    return 0.95 * max(0.8, min(1.05, adjusted))
