"""MIG: slices of a GPU as devices of their own.

Profiles are called ``<compute slices>g.<memory>gb`` (NVIDIA Multi-Instance GPU User Guide, "Supported MIG Profiles"). A
GPU has seven compute slices and eighths of its memory; the A30 and the RTX PRO 6000 Blackwell have four of both, the
RTX PRO 5000 two ("Supported GPUs", largest number of instances).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory.shown import GPU, Offer, Problem, Shown
from qwen3_operator.inventory.types import Share

if TYPE_CHECKING:
    from qwen3_operator.catalog import Accelerator

RESOURCE_PREFIX = "nvidia.com/mig-"
"""Of the resources of strategy ``mixed``; ``nvidia.com/mig-1g.10gb.memory`` is the label with a slice's MiB."""
_PRODUCT_MARK = "-MIG-"
"""In the product label of strategy ``single``."""
_PROFILE = re.compile(r"^(\d+)g\.(\d+)gb(?:[.+]me)?$")
_COMPUTE_SLICES = 7
_MEMORY_SLICES = 8
_FEWER_SLICES = {"A30": 4, "RTX-PRO-6000": 4, "RTX-PRO-5000": 2}
"""By the beginning of the catalog name."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of slice."""

    name: str
    compute_slices: int
    gigabytes: int

    @property
    def label(self) -> str:
        """The name as a part of a DNS label."""
        return re.sub(r"[^a-z0-9]+", "-", self.name)


def profile(name: str) -> Profile | None:
    """The profile called ``1g.10gb``; None for anything else, also for slices that are time-sliced on top."""
    found = _PROFILE.match(name)
    return Profile(name, int(found[1]), int(found[2])) if found else None


def split_product(product: str) -> tuple[str, str]:
    """The GPU and the slice of a product label: ``NVIDIA-A30-MIG-1g.6gb`` is ``NVIDIA-A30`` and ``1g.6gb``."""
    whole, _, part = product.partition(_PRODUCT_MARK)
    return whole, part


def part_of(shown: Shown, resource: str) -> str:
    """The slice that a resource stands for, as it is written there or in the product label; empty for whole GPUs."""
    if resource.startswith(RESOURCE_PREFIX):
        return resource.removeprefix(RESOURCE_PREFIX)
    return split_product(shown.product)[1] if resource == GPU else ""


def sliced(shown: Shown, whole: Offer, memory_label: str | None, stated: int | None) -> Offer | Problem:
    """Slices as devices. Their memory is the label's: profiles have round names for sizes that are not round.

    Args:
        shown: The node.
        whole: The GPU without slicing.
        memory_label: Label of a whole GPU's memory; strategy ``single`` writes a slice's there.
        stated: Memory of one slice, where an AcceleratorPool says it.
    """
    part = part_of(shown, whole.resource)
    kind = profile(part)
    if kind is None:
        return Problem("SharedDevices", f"{whole.resource}: {part} is no whole MIG slice: not planned", whole.pool)
    label = f"{whole.resource}.memory" if whole.resource.startswith(RESOURCE_PREFIX) else memory_label
    memory = stated or shown.number(label) * MIB
    pool = f"{whole.pool}-mig-{kind.label}"
    if not memory:
        message = f"MIG slice {part} without the label {label}: run GPU Feature Discovery, or state memoryPerDevice"
        return Problem("UnknownMemory", message, pool)
    accelerator, share = slice_of(whole.accelerator, kind, memory)
    return replace(whole, accelerator=accelerator, memory_bytes=memory, pool=pool, share=share)


def slice_of(accelerator: Accelerator, kind: Profile, memory_bytes: int) -> tuple[Accelerator, Share]:
    """The catalog's row for one slice: rates by its compute slices, bandwidth by its share of the memory.

    The shares are whole slices. NVIDIA publishes no rates of slices, so the row is marked ``calculated``.
    """
    slices = next((count for name, count in _FEWER_SLICES.items() if accelerator.name.startswith(name)), 0)
    compute = kind.compute_slices / (slices or _COMPUTE_SLICES)
    parts = slices or _MEMORY_SLICES
    memory = max(1, round(parts * (kind.gigabytes << 30) / accelerator.memory_bytes)) / parts
    bandwidth = accelerator.bandwidth_gb
    row = accelerator.model_copy(
        update={
            "name": f"{accelerator.name}-MIG-{kind.name}",
            "memory_mi_b": memory_bytes // MIB,
            "bandwidth_gb": None if bandwidth is None else bandwidth * min(1.0, memory),
            "tflops": {precision: rate * min(1.0, compute) for precision, rate in accelerator.tflops.items()},
            "part_of": accelerator.name,
            "link": "",
            "link_gb": None,
            "known": "unknown" if accelerator.known == "unknown" else "calculated",
            "source": f"{accelerator.name} in proportion of the slice {kind.name}",
        }
    )
    return row, Share("MIG", accelerator.name, kind.name)
