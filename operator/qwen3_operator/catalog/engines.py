"""What an engine and the system around it take of a device beside weights and KV cache."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qwen3_operator.catalog.accelerators import DeviceKind  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.base import MIB, Row

_WIDE = 4
"""From this tensor parallel size on the engine captures graphs for larger batches."""


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
    decode_batch: int
    decode_batch_wide: int
    prefill_graphs: int


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


class Engine(Row):
    """An engine version's memory rules."""

    name: str
    version: str
    reserve: Reserve
    steps: tuple[ReserveStep, ...]
    devices: tuple[DeviceCost, ...]
    cpu_minimum_kv_tokens: int
    cpu_reserve: float = _mib("cpuReserveMiB")

    def cost(self, device: DeviceKind) -> DeviceCost:
        """Costs of one kind of device."""
        return next(cost for cost in self.devices if cost.device == device)

    def static_fraction(self, device: DeviceKind, memory_bytes: int, tensor_parallel: int) -> float:
        """Share of a device's memory for weights and KV cache: the engine's ``mem_fraction_static``.

        Zero where the reserve alone is larger than the device.
        """
        memory = memory_bytes / MIB
        step = next(step for step in self.steps if step.device == device and memory < step.below)
        batch = step.decode_batch if tensor_parallel < _WIDE else step.decode_batch_wide
        rule = self.reserve
        reserved = (
            rule.fixed
            + rule.per_prefill_token * max(step.prefill_tokens, 2048)
            + rule.per_eight_devices * tensor_parallel / 8
            + rule.per_decode_batch * batch
            + rule.per_prefill_graph * step.prefill_graphs
        )
        if memory > rule.floor_above:
            reserved = max(reserved, rule.floor)
        return max(0.0, round((memory - reserved) / memory, 3))
