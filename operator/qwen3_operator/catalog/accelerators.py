"""Accelerators, and how nodes show them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qwen3_operator.catalog.base import GB, MIB, TERA, Known, Row

DeviceKind = Literal["cuda", "npu", "rocm", "cpu"]
Vendor = Literal["NVIDIA", "Huawei", "AMD", "CPU"]
Family = Literal[
    "Turing",
    "Ampere",
    "Ada",
    "Hopper",
    "Blackwell",
    "Ascend-A2",
    "Ascend-A3",
    "Ascend-310P",
    "Ascend-950",
    "RDNA3",
    "CPU",
]
Precision = Literal["BF16", "FP16", "FP8", "INT8", "FP4"]
Positive = Annotated[float, Field(gt=0)]
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
    """One kind of device. Rates are dense peaks; links count one direction."""

    name: str
    vendor: Vendor
    family: Family
    device: DeviceKind
    memory_mi_b: Annotated[int, Field(ge=0, alias="memoryMiB")]
    """Memory of one device as its driver reports it."""
    bandwidth_gb: Positive | None = Field(None, alias="memoryBandwidthGBps")
    """Of the device's memory, in 1e9 bytes per second."""
    tflops: dict[Precision, Positive] = Field(default_factory=dict)
    """Dense peak by precision, in 1e12 operations per second. A precision that is missing is not supported, or its
    rate is not known."""
    compute_capability: float | None = None
    """Of NVIDIA devices."""
    link: str = ""
    """What connects the devices of one node."""
    link_gb: Positive | None = Field(None, alias="linkGBps")
    """Of one device's link, one direction, in 1e9 bytes per second."""
    devices_per_node: Annotated[int, Field(ge=1)] = 8
    """Devices that a server of this kind usually has."""
    devices_per_card: Annotated[int, Field(ge=1)] = 1
    """Devices that are handed out together; a replica takes whole cards."""
    arm64: bool = False
    """Whether the host's processor is arm64, as far as the device decides it."""
    not_served: str | None = None
    """Why SGLang does not run there; None where it does."""
    part_of: str | None = None
    """Catalog name of the whole device where this is a share of one: a MIG slice, a time slice."""
    chips: tuple[str, ...] = ()
    """Names that npu-smi may print for it; pods on other chips end with DeviceMismatch. None: not checked."""
    nodes: tuple[NodeMark, ...]
    known: Known
    """How bandwidth, rates and links are known; ``source`` says which of them are not."""
    source: str

    @property
    def memory_bytes(self) -> int:
        """Memory of one device."""
        return self.memory_mi_b * MIB

    @property
    def memory_bandwidth(self) -> float | None:
        """Bytes per second of the device's memory."""
        return None if self.bandwidth_gb is None else self.bandwidth_gb * GB

    @property
    def rates(self) -> dict[Precision, float]:
        """Dense peak by precision, in operations per second."""
        return {precision: rate * TERA for precision, rate in self.tflops.items()}

    @property
    def link_bandwidth(self) -> float | None:
        """Bytes per second of one device's link, one direction."""
        return None if self.link_gb is None else self.link_gb * GB


class Taint(Row):
    """Key of a NoSchedule taint that marks accelerator nodes."""

    key: str
    source: str
