"""What there is to run on: pools of nodes of one kind, and what is free on them."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from qwen3_operator.inventory.quantity import amount, millicores
from qwen3_operator.inventory.quotas import Quotas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from qwen3_operator.api.status import NodeRequirement, Placement, Toleration
    from qwen3_operator.catalog import Accelerator


@dataclass(frozen=True, slots=True)
class Demand:
    """What one pod of a replica takes of its node."""

    devices: int
    cpu_millicores: int
    memory_bytes: int
    nodes: int = 1
    """Pods of one replica, each on a node of its own."""

    @classmethod
    def of(cls, placement: Placement) -> Demand:
        """Demand of one replica of a placement."""
        return cls(
            devices=placement.devices_per_replica // placement.nodes if placement.resource_name else 0,
            cpu_millicores=millicores(placement.cpu_request),
            memory_bytes=amount(placement.memory_request),
            nodes=placement.nodes,
        )


@dataclass(frozen=True, slots=True)
class NodeRoom:
    """One usable node of a pool."""

    name: str
    devices: int
    """Allocatable devices, free or not."""
    memory_bytes: int
    """Allocatable host memory, free or not."""
    free_devices: int
    free_cpu_millicores: int
    free_memory_bytes: int

    def replicas(self, demand: Demand) -> int:
        """How many pods still fit."""
        fits = [
            free // needed
            for free, needed in (
                (self.free_devices, demand.devices),
                (self.free_cpu_millicores, demand.cpu_millicores),
                (self.free_memory_bytes, demand.memory_bytes),
            )
            if needed > 0
        ]
        return max(0, min(fits, default=0))

    def less(self, demand: Demand) -> NodeRoom:
        """The node with one pod more on it."""
        return replace(
            self,
            free_devices=self.free_devices - demand.devices,
            free_cpu_millicores=self.free_cpu_millicores - demand.cpu_millicores,
            free_memory_bytes=self.free_memory_bytes - demand.memory_bytes,
        )


@dataclass(frozen=True, slots=True)
class Share:
    """What a device is where it is not a whole one."""

    kind: Literal["MIG", "TimeSlicing"]
    """A MIG slice has its own memory; a time-sliced device has the memory that its users leave each other."""
    of: str
    """Catalog name of the whole device."""
    part: str
    """In words, e.g. ``1g.10gb`` or ``1 of 4``."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes that are alike: same accelerator, same resource name, same architecture."""

    name: str
    accelerator: Accelerator
    """Of a share of a device: the whole device's row with the share's part of memory, bandwidth and rates."""
    resource_name: str
    """Extended resource; empty for CPU pools."""
    architecture: str
    device_memory_bytes: int
    """Memory of one device, the smallest that a node of the pool reports; 0 for CPU pools."""
    nodes: tuple[NodeRoom, ...]
    node_selector: Mapping[str, str]
    node_requirements: tuple[NodeRequirement, ...]
    tolerations: tuple[Toleration, ...]
    price_per_device_hour: Decimal | None = None
    """As its AcceleratorPool states it; the pods of a CPU pool count as one device each."""
    runtime_class: str | None = None
    """RuntimeClass of its pods; None: the operator's for this kind of device."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Runtime image by engine; an engine that is missing has the operator's."""
    share: Share | None = None
    """Set where the devices are parts of devices."""

    @property
    def largest_node(self) -> int:
        """Most devices of one node that may serve one replica: parts of devices never work together."""
        most = max((node.devices for node in self.nodes), default=0)
        return min(1, most) if self.share else most

    def room(self, demand: Demand) -> int:
        """How many replicas fit on what is free."""
        return sum(node.replicas(demand) for node in self.nodes) // demand.nodes

    def less(self, promises: Iterable[tuple[Demand, int]]) -> Pool:
        """The pool with so many pods of each demand more, one after the other.

        Each goes to the fullest node that has room, as far as there is any.
        """
        rooms = {node.name: node for node in self.nodes}
        order = sorted(_fullest_first(node) for node in self.nodes)
        for demand, pods in promises:
            for _ in range(pods):
                start = bisect_left(order, (demand.devices, 0, ""))
                place = next((at for at in range(start, len(order)) if rooms[order[at][2]].replicas(demand)), None)
                if place is None:
                    break
                name = order.pop(place)[2]
                rooms[name] = rooms[name].less(demand)
                insort(order, _fullest_first(rooms[name]))
        return replace(self, nodes=tuple(rooms.values()))


def _fullest_first(node: NodeRoom) -> tuple[int, int, str]:
    return node.free_devices, node.free_memory_bytes, node.name


@dataclass(frozen=True, slots=True)
class UnusedNode:
    """A node that gives nothing, and why."""

    name: str
    reason: str
    """Stable CamelCase word: Cordoned, NotReady, Tainted, UnknownAccelerator, SharedDevices, MemoryMismatch, ..."""
    message: str
    pool: str = ""
    """The pool it would belong to, where that is known."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All pools by name, in the order of their names, and the nodes that are in none."""

    pools: Mapping[str, Pool]
    unused: tuple[UnusedNode, ...] = field(default=())
    named: frozenset[str] = frozenset()
    """Names of AcceleratorPools, with or without nodes."""
    groups: bool = False
    """Whether a replica may span nodes: the cluster has LeaderWorkerSet."""
    quotas: Quotas = field(default_factory=Quotas)
    """Of the namespace of the deployment that it is for."""

    @property
    def pool_names(self) -> frozenset[str]:
        """Every pool that is known of, whether anything can run there now or not."""
        return self.named | self.pools.keys() | {node.pool for node in self.unused if node.pool}

    def room(self, placed: Placement) -> int:
        """Replicas of a placement that fit on what is free and that the quotas allow, if it were the only one."""
        pool = self.pools.get(placed.pool)
        demand = Demand.of(placed)
        return self.quotas.cap(pool.room(demand), placed.resource_name, demand) if pool else 0

    def after(self, placed: Placement, replicas: int) -> Inventory:
        """The inventory with so many replicas of a placement taken off the quotas; its pool stays as it is."""
        return replace(self, quotas=self.quotas.less(placed.resource_name, Demand.of(placed), replicas))


@dataclass(frozen=True, slots=True)
class Reservation:
    """Pods that are promised to a deployment and not bound to a node yet."""

    pool: str
    demand: Demand
    pods: int
    namespace: str = ""
    resource: str = ""
    """What its devices are called; empty for CPU pods."""
    uncreated: int = 0
    """Of the pods, those that no ResourceQuota has counted: they do not exist yet."""

    @classmethod
    def of(cls, placement: Placement, namespace: str, *, bound: int = 0, created: int = 0) -> Reservation:
        """Reservation of what a placement has not bound yet, and not created."""
        pods = placement.replicas * placement.nodes
        return cls(
            placement.pool,
            Demand.of(placement),
            max(0, pods - bound),
            namespace,
            placement.resource_name,
            max(0, pods - created),
        )
