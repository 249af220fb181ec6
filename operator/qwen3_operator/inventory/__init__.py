"""What the cluster has to run on, read from raw Node, Pod and AcceleratorPool objects."""

from qwen3_operator.inventory.collect import Survey, inventory
from qwen3_operator.inventory.named import NamedPool, named_pools
from qwen3_operator.inventory.quotas import Limit, Quotas
from qwen3_operator.inventory.types import Demand, Inventory, NodeRoom, Pool, Reservation, Share, UnusedNode

__all__ = [
    "Demand",
    "Inventory",
    "Limit",
    "NamedPool",
    "NodeRoom",
    "Pool",
    "Quotas",
    "Reservation",
    "Share",
    "Survey",
    "UnusedNode",
    "inventory",
    "named_pools",
]
