"""Nodes and pods, as Kubernetes lists them, grouped into pools with what is free."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.api.status import Toleration
from qwen3_operator.inventory.marks import Marks
from qwen3_operator.inventory.named import named_pools
from qwen3_operator.inventory.nodes import NodeKind, kinds_of
from qwen3_operator.inventory.requests import Resources, add, occupies, pod_requests, resources
from qwen3_operator.inventory.select import node_requirements, node_selector
from qwen3_operator.inventory.types import Demand, Inventory, NodeRoom, Pool, Reservation, UnusedNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory.select import Labelled

Owner = tuple[str, str]
"""Namespace and name of a Qwen3Deployment."""
Member = tuple[NodeKind, "Mapping[str, str]", NodeRoom]


def inventory(
    nodes: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any]],
    catalog: Catalog,
    *,
    pools: Iterable[Mapping[str, Any]] = (),
    exclude: Owner | None = None,
    reserved: Iterable[Reservation] = (),
) -> Inventory:
    """What can be planned on.

    Args:
        nodes: Node objects.
        pods: Pod objects of all namespaces; those that are bound and not finished take what they request.
        catalog: how accelerators show themselves.
        pools: AcceleratorPool objects, whose words come before what is discovered.
        exclude: namespace and name of the deployment that is being planned anew: its own pods take nothing.
        reserved: what other deployments were promised and have not bound yet.
    """
    return Survey(nodes, pods, catalog, pools).inventory(exclude, reserved)


@dataclass(frozen=True, slots=True)
class _Node:
    """Amounts of one node."""

    name: str
    has: Resources
    used: Resources


class Survey:
    """One look at the cluster, from which inventories for many deployments are made at little cost."""

    def __init__(
        self,
        nodes: Iterable[Mapping[str, Any]],
        pods: Iterable[Mapping[str, Any]],
        catalog: Catalog,
        pools: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Arguments as those of `inventory`."""
        used, self._owned = _used(pods)
        self._nodes: dict[str, _Node] = {}
        stated, marks = named_pools(pools), Marks(catalog)
        members: defaultdict[str, list[Member]] = defaultdict(list)
        unused: list[UnusedNode] = []
        for node in sorted(nodes, key=lambda node: str(node["metadata"]["name"])):
            labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
            amounts = _Node(name, resources(node["status"].get("allocatable")), used.get(name, {}))
            self._nodes[name] = amounts
            for kind in kinds_of(node, marks, stated):
                if isinstance(kind, UnusedNode):
                    unused.append(kind)
                else:
                    members[kind.pool].append((kind, labels, _room(amounts, kind.offer.resource, {})))
        taken = [(kind, labels) for group in members.values() for kind, labels, _ in group if kind.stated]
        self._pools: dict[str, Pool] = {}
        for name in sorted(members):
            key = members[name][0][0].key
            mine = [member for member in members[name] if member[0].key == key]
            self._pools[name] = _pool(name, mine, taken, catalog)
            unused += [_odd(room, name) for kind, _, room in members[name] if kind.key != key]
        self._unused = tuple(unused)

    def inventory(self, exclude: Owner | None = None, reserved: Iterable[Reservation] = ()) -> Inventory:
        """What there is for a deployment, whose own pods take nothing, after what others were promised."""
        own = self._owned.get(exclude, {}) if exclude else {}
        pools = {name: self._without(pool, own) for name, pool in self._pools.items()} if own else self._pools
        return Inventory(_after(pools, reserved), self._unused)

    def _without(self, pool: Pool, own: Mapping[str, Resources]) -> Pool:
        if not any(room.name in own for room in pool.nodes):
            return pool
        rooms = (
            _room(self._nodes[room.name], pool.resource_name, own[room.name]) if room.name in own else room
            for room in pool.nodes
        )
        return replace(pool, nodes=tuple(rooms))


def _used(pods: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Resources], dict[Owner, dict[str, Resources]]]:
    """Requests of running pods by node, and by deployment and node."""
    used: defaultdict[str, Resources] = defaultdict(dict)
    owned: dict[Owner, dict[str, Resources]] = {}
    for pod in pods:
        if not occupies(pod):
            continue
        node, requested = pod["spec"]["nodeName"], pod_requests(pod)
        add(used[node], requested)
        if owner := _owner(pod):
            add(owned.setdefault(owner, {}).setdefault(node, {}), requested)
    return used, owned


def _owner(pod: Mapping[str, Any]) -> Owner | None:
    """Namespace and name of the Qwen3Deployment that a pod belongs to."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    name = labels.get(DEPLOYMENT_LABEL)
    return (str(pod["metadata"].get("namespace", "")), name) if name else None


def _room(node: _Node, resource: str, own: Resources) -> NodeRoom:
    """A node of a pool; ``own`` is what is not counted."""
    has, used = node.has, node.used
    devices = has.get(resource, 0) if resource else 0
    taken = used.get(resource, 0) - own.get(resource, 0) if resource else 0
    return NodeRoom(
        name=node.name,
        devices=devices,
        memory_bytes=has.get("memory", 0),
        free_devices=max(0, devices - taken),
        free_cpu_millicores=max(0, has.get("cpu", 0) - used.get("cpu", 0) + own.get("cpu", 0)),
        free_memory_bytes=max(0, has.get("memory", 0) - used.get("memory", 0) + own.get("memory", 0)),
    )


def _odd(room: NodeRoom, pool: str) -> UnusedNode:
    message = f"pool {pool} also names nodes of another kind: give each kind its own pool"
    return UnusedNode(room.name, "MixedPool", message, pool)


def _pool(name: str, members: Sequence[Member], taken: Iterable[Labelled], catalog: Catalog) -> Pool:
    first = members[0][0]
    stated = first.stated
    return Pool(
        name=name,
        accelerator=first.offer.accelerator,
        resource_name=first.offer.resource,
        architecture=first.architecture,
        device_memory_bytes=min(kind.offer.memory_bytes for kind, _, _ in members),
        nodes=tuple(room for _, _, room in members),
        node_selector=node_selector(first),
        node_requirements=node_requirements([(kind, labels) for kind, labels, _ in members], taken, catalog),
        tolerations=_tolerations(kind for kind, _, _ in members),
        price_per_device_hour=stated.price if stated else None,
        runtime_class=stated.spec.runtime_class_name if stated else None,
        images=dict(stated.spec.images) if stated else {},
        share=first.offer.share,
    )


def _tolerations(kinds: Iterable[NodeKind]) -> tuple[Toleration, ...]:
    """Those of accelerators that a node of the pool needs, then those that its AcceleratorPool states."""
    needed: dict[str, Toleration] = {}
    stated: tuple[Toleration, ...] = ()
    for kind in kinds:
        needed |= {toleration.key: toleration for toleration in kind.tolerations}
        if kind.stated:
            stated = tuple(Toleration.model_validate(found.to_json()) for found in kind.stated.spec.tolerations)
    return (*(needed[key] for key in sorted(needed)), *stated)


def _after(pools: Mapping[str, Pool], reserved: Iterable[Reservation]) -> dict[str, Pool]:
    """Pools after what is promised is taken off."""
    left = dict(pools)
    promises: defaultdict[str, list[tuple[Demand, int]]] = defaultdict(list)
    for promise in reserved:
        promises[promise.pool].append((promise.demand, promise.replicas))
    for name in sorted(promises.keys() & left.keys()):
        before = left[name]
        left[name] = before.less(promises[name])
        _take_from_neighbours(left, before, left[name])
    return left


def _take_from_neighbours(pools: dict[str, Pool], before: Pool, after: Pool) -> None:
    """CPU and memory of a host are one, also where its devices are in several pools."""
    if not any(pool.share for pool in pools.values()):
        return
    changed = {now.name: (old, now) for old, now in zip(before.nodes, after.nodes, strict=True) if old != now}
    for name, pool in pools.items():
        if name != after.name and any(room.name in changed for room in pool.nodes):
            pools[name] = replace(pool, nodes=tuple(_beside(room, changed.get(room.name)) for room in pool.nodes))


def _beside(room: NodeRoom, change: tuple[NodeRoom, NodeRoom] | None) -> NodeRoom:
    """A node of one pool after the same node of another pool changed."""
    if change is None:
        return room
    old, now = change
    return replace(
        room,
        free_cpu_millicores=room.free_cpu_millicores - old.free_cpu_millicores + now.free_cpu_millicores,
        free_memory_bytes=room.free_memory_bytes - old.free_memory_bytes + now.free_memory_bytes,
    )
