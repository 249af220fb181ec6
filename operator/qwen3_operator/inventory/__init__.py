"""What the cluster has to run on, read from raw Node and Pod objects."""

from qwen3_operator.inventory.collect import inventory
from qwen3_operator.inventory.types import Demand, Inventory, NodeRoom, Pool, Reservation, UnusedNode

__all__ = ["Demand", "Inventory", "NodeRoom", "Pool", "Reservation", "UnusedNode", "inventory"]
