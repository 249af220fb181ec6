"""What a node shows of its devices, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.catalog import Accelerator
    from qwen3_operator.inventory.types import Share

GPU = "nvidia.com/gpu"
PRODUCT_LABEL = "nvidia.com/gpu.product"
"""GPU Feature Discovery's: the device's name, and marks for slices and for time slicing behind it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A node as far as it tells of devices."""

    labels: Mapping[str, str]
    offered: Mapping[str, int]
    """Allocatable amounts by resource."""

    @property
    def product(self) -> str:
        """The product label; empty without one."""
        return self.labels.get(PRODUCT_LABEL, "")

    def number(self, label: str | None) -> int:
        """A label's value as a whole number; 0 where it is none."""
        text = self.labels.get(label, "") if label else ""
        return int(text) if text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Offer:
    """Devices of one kind on one node."""

    accelerator: Accelerator
    resource: str
    """Empty for CPU nodes."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the node that tell the accelerator."""
    memory_bytes: int = 0
    """Of one device."""
    pool: str = "cpu"
    """Name of the pool of such nodes, unless somebody names it."""
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why devices of a node cannot be used."""

    reason: str
    message: str
    pool: str = ""
