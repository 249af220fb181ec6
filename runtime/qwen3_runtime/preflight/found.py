"""What a pod sees of its devices and of its node. ``None`` stands for what could not be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """One device as ``npu-smi`` lists it: a die on A3, a chip on the 300I Duo, a card elsewhere."""

    npu: int
    chip: int
    name: str
    """As printed: ``910B3``, ``Ascend910`` (A3), ``310P3``."""
    memory_mib: int | None = None
    """None: not printed."""
    health: str = "OK"

    @property
    def place(self) -> str:
        """How ``npu-smi`` numbers it."""
        return f"NPU {self.npu} chip {self.chip}"


@dataclass(frozen=True)
class Network:
    """What collectives between nodes run over."""

    interfaces: tuple[str, ...] | None
    """Of the pod, the loopback one included."""
    rule: str = ""
    """``HCCL_SOCKET_IFNAME``; empty: HCCL chooses."""
    busy_ports: tuple[int, ...] = ()
    """Ports that this pod must open and somebody else listens on."""


@dataclass(frozen=True)
class Found:
    """One look at the pod."""

    devices: tuple[str, ...] | None
    """Names below /dev, e.g. ``davinci0``."""
    closed: tuple[str, ...] = ()
    """Those of them that this user may not open."""
    chips: tuple[Chip, ...] = ()
    chips_unknown: str = ""
    """Why there are no chips although there are devices."""
    driver: str | None = None
    cann: str | None = None
    cann_machine: str | None = None
    """Architecture that CANN was built for, as ``uname -m`` has it."""
    machine: str = ""
    """Architecture that this process runs on, as ``uname -m`` has it."""
    tool_machine: str | None = None
    """Architecture of npu-smi, which comes from the node."""
    network: Network | None = None
    """None: the replica is this pod alone."""
