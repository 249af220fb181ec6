"""Accelerators, and how nodes show them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qwen3_operator.catalog.base import MIB, Row

DeviceKind = Literal["cuda", "npu", "cpu"]
CPU = "CPU"
"""Catalog name of nodes without an accelerator."""


class NodeMark(Row):
    """One way in which nodes show an accelerator: the labels they carry and the extended resource they offer."""

    pool: str
    """Name of the pool of such nodes, unless an administrator labels them otherwise."""
    resource: str
    labels: Annotated[dict[str, str], Field(min_length=1)]
    memory_label: str | None = None
    """Label with the memory of one device in MiB."""


class Accelerator(Row):
    """One kind of device."""

    name: str
    device: DeviceKind
    memory_mi_b: Annotated[int, Field(ge=0, alias="memoryMiB")]
    """Memory of one device as its driver reports it."""
    compute_capability: float | None = None
    """Of NVIDIA devices."""
    devices_per_card: Annotated[int, Field(ge=1)] = 1
    """Devices that are handed out together; a replica takes whole cards."""
    not_served: str | None = None
    """Why the engine does not run there; None where it does."""
    nodes: tuple[NodeMark, ...]
    source: str

    @property
    def memory_bytes(self) -> int:
        """Memory of one device."""
        return self.memory_mi_b * MIB


class Taint(Row):
    """Key of a NoSchedule taint that marks accelerator nodes."""

    key: str
    source: str
