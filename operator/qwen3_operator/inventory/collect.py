"""Nodes and pods, as Kubernetes lists them, grouped into pools with what is free."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.api.status import Toleration
from qwen3_operator.inventory.named import named_pools
from qwen3_operator.inventory.nodes import NodeKind, kinds_of
from qwen3_operator.inventory.requests import Resources, add, occupies, pod_requests, resources
from qwen3_operator.inventory.select import node_requirements, node_selector
from qwen3_operator.inventory.types import Inventory, NodeRoom, Pool, Reservation, UnusedNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory.select import Labelled

Member = tuple[NodeKind, "Mapping[str, str]", NodeRoom]


def inventory(
    nodes: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any]],
    catalog: Catalog,
    *,
    pools: Iterable[Mapping[str, Any]] = (),
    exclude: tuple[str, str] | None = None,
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
    used, stated = _used(pods, exclude), named_pools(pools)
    members: defaultdict[str, list[Member]] = defaultdict(list)
    unused: list[UnusedNode] = []
    for node in sorted(nodes, key=lambda node: str(node["metadata"]["name"])):
        labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
        for kind in kinds_of(node, catalog, stated):
            if isinstance(kind, UnusedNode):
                unused.append(kind)
            else:
                members[kind.pool].append((kind, labels, _room(node, kind, used[name])))
    found: dict[str, Pool] = {}
    taken = [(kind, labels) for group in members.values() for kind, labels, _ in group if kind.stated]
    for name in sorted(members):
        key = members[name][0][0].key
        found[name] = _pool(name, [member for member in members[name] if member[0].key == key], taken, catalog)
        unused += [_odd(room, name) for kind, _, room in members[name] if kind.key != key]
    return Inventory(_after(found, reserved), tuple(unused))


def _used(pods: Iterable[Mapping[str, Any]], exclude: tuple[str, str] | None) -> defaultdict[str, Resources]:
    """Requests of running pods by node."""
    used: defaultdict[str, Resources] = defaultdict(dict)
    for pod in pods:
        if occupies(pod) and (exclude is None or _owner(pod) != exclude):
            add(used[pod["spec"]["nodeName"]], pod_requests(pod))
    return used


def _owner(pod: Mapping[str, Any]) -> tuple[str, str] | None:
    """Namespace and name of the Qwen3Deployment that a pod belongs to."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    name = labels.get(DEPLOYMENT_LABEL)
    return (str(pod["metadata"].get("namespace", "")), name) if name else None


def _room(node: Mapping[str, Any], kind: NodeKind, used: Resources) -> NodeRoom:
    has, resource = resources(node["status"].get("allocatable")), kind.offer.resource
    devices = has.get(resource, 0) if resource else 0
    taken = used.get(resource, 0) if resource else 0
    return NodeRoom(
        name=node["metadata"]["name"],
        devices=devices,
        memory_bytes=has.get("memory", 0),
        free_devices=max(0, devices - taken),
        free_cpu_millicores=max(0, has.get("cpu", 0) - used.get("cpu", 0)),
        free_memory_bytes=max(0, has.get("memory", 0) - used.get("memory", 0)),
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
    for promise in reserved:
        if promise.pool in left:
            before = left[promise.pool]
            left[promise.pool] = before.less(promise.demand, promise.replicas)
            _take_from_neighbours(left, before, left[promise.pool])
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
