"""Time slicing: one GPU handed out several times. Nothing keeps its users apart, least of all in memory."""

from __future__ import annotations

from dataclasses import replace

from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory.shown import GPU, Offer, Problem, Shown
from qwen3_operator.inventory.types import Share

SHARED_RESOURCE_SUFFIX = ".shared"
"""Of a resource that the device plugin renamed because it is time-sliced."""
SHARED_PRODUCT_SUFFIX = "-SHARED"
"""Of the product label where the resource keeps its name."""
_STRATEGY_LABEL = "nvidia.com/gpu.sharing-strategy"


def users(shown: Shown, resource: str) -> int:
    """How many users each device of this resource has; 0 where devices are not shared.

    ``nvidia.com/gpu.count`` is the number of real GPUs, what the node offers is that times the users of each; a node
    that offers more than it has shares them whatever its other labels say (HAMi's plugin has none).
    """
    if not resource.startswith(GPU):
        return 0
    count, replicas = shown.number(f"{GPU}.count"), shown.number(f"{GPU}.replicas")
    offered = shown.offered.get(resource, 0)
    is_marked = resource.endswith(SHARED_RESOURCE_SUFFIX) or shown.product.endswith(SHARED_PRODUCT_SUFFIX)
    is_marked |= shown.labels.get(_STRATEGY_LABEL, "none") not in {"none", ""} or replicas > max(1, count)
    if not is_marked and offered <= (count or offered):
        return 0
    return max(2, offered // count if count else replicas)


def shared(whole: Offer, users: int, stated: int | None) -> Offer | Problem:
    """Time-sliced devices, each as large as an AcceleratorPool states; without its word they are not planned.

    Args:
        whole: The device without sharing; its memory is the catalog's.
        users: Pods that share one device.
        stated: Memory that one of them may take.
    """
    row, pool = whole.accelerator, f"{whole.pool}-shared"
    if stated is None:
        message = (
            f"{whole.resource} is {row.name} shared by {users} pods (time slicing), which leaves nobody memory of his "
            "own: not planned unless an AcceleratorPool states memoryPerDevice for each"
        )
        return Problem("SharedDevices", message, pool)
    if users * stated > row.memory_bytes:
        message = (
            f"memoryPerDevice {stated // MIB} MiB for {users} pods on one {row.name} is more than its "
            f"{row.memory_bytes // MIB} MiB"
        )
        return Problem("MemoryMismatch", message, pool)
    part = row.model_copy(
        update={
            "name": f"{row.name}-SHARED",
            "memory_mi_b": stated // MIB,
            "bandwidth_gb": None if row.bandwidth_gb is None else row.bandwidth_gb / users,
            "tflops": {precision: rate / users for precision, rate in row.tflops.items()},
            "part_of": row.name,
            "link": "",
            "link_gb": None,
            "known": "unknown" if row.known == "unknown" else "calculated",
            "source": f"{row.name} divided by its {users} users, all busy",
        }
    )
    share = Share("TimeSlicing", row.name, f"1 of {users}")
    return replace(whole, accelerator=part, memory_bytes=stated, pool=pool, share=share)
