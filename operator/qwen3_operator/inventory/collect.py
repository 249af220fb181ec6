"""Nodes and pods, as Kubernetes lists them, grouped into pools with what is free."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import DEPLOYMENT_LABEL, POOL_LABEL
from qwen3_operator.api.status import NodeRequirement
from qwen3_operator.inventory.nodes import ARCHITECTURE_LABEL, NodeKind, kind_of
from qwen3_operator.inventory.requests import Resources, add, occupies, pod_requests, resources
from qwen3_operator.inventory.types import Inventory, NodeRoom, Pool, Reservation, UnusedNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.catalog import Catalog

Member = tuple[NodeKind, NodeRoom]


def inventory(
    nodes: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any]],
    catalog: Catalog,
    *,
    exclude: tuple[str, str] | None = None,
    reserved: Iterable[Reservation] = (),
) -> Inventory:
    """What can be planned on.

    Args:
        nodes: Node objects.
        pods: Pod objects of all namespaces; those that are bound and not finished take what they request.
        catalog: how accelerators show themselves.
        exclude: namespace and name of the deployment that is being planned anew: its own pods take nothing.
        reserved: what other deployments were promised and have not bound yet.
    """
    used = _used(pods, exclude)
    members: defaultdict[str, list[Member]] = defaultdict(list)
    unused: list[UnusedNode] = []
    for node in sorted(nodes, key=lambda node: str(node["metadata"]["name"])):
        kind = kind_of(node, catalog)
        if isinstance(kind, UnusedNode):
            unused.append(kind)
            continue
        members[kind.pool].append((kind, _room(node, kind, used[node["metadata"]["name"]])))
    pools: dict[str, Pool] = {}
    for name in sorted(members):
        first = members[name][0][0]
        pools[name] = _pool(name, [member for member in members[name] if _same(member[0], first)], catalog)
        unused += [_odd(room, name) for kind, room in members[name] if not _same(kind, first)]
    return Inventory(_after(pools, reserved), tuple(unused))


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
    has = resources(node["status"].get("allocatable"))
    devices = has.get(kind.mark.resource, 0) if kind.mark else 0
    taken = used.get(kind.mark.resource, 0) if kind.mark else 0
    return NodeRoom(
        name=node["metadata"]["name"],
        devices=devices,
        memory_bytes=has.get("memory", 0),
        free_devices=max(0, devices - taken),
        free_cpu_millicores=max(0, has.get("cpu", 0) - used.get("cpu", 0)),
        free_memory_bytes=max(0, has.get("memory", 0) - used.get("memory", 0)),
    )


def _same(kind: NodeKind, first: NodeKind) -> bool:
    return (kind.accelerator, kind.mark, kind.architecture) == (first.accelerator, first.mark, first.architecture)


def _odd(room: NodeRoom, pool: str) -> UnusedNode:
    message = f"{POOL_LABEL}={pool} also names nodes of another kind: give each kind its own pool"
    return UnusedNode(room.name, "MixedPool", message, pool)


def _pool(name: str, members: list[Member], catalog: Catalog) -> Pool:
    first = members[0][0]
    selector = {ARCHITECTURE_LABEL: first.architecture} | (dict(first.mark.labels) if first.mark else {})
    if first.named_by_label:
        selector[POOL_LABEL] = name
    tolerations = {toleration.key: toleration for kind, _ in members for toleration in kind.tolerations}
    return Pool(
        name=name,
        accelerator=first.accelerator,
        resource_name=first.mark.resource if first.mark else "",
        architecture=first.architecture,
        device_memory_bytes=min(kind.device_memory_bytes for kind, _ in members),
        nodes=tuple(room for _, room in members),
        node_selector=selector,
        node_requirements=_requirements(first, catalog),
        tolerations=tuple(tolerations[key] for key in sorted(tolerations)),
    )


def _requirements(kind: NodeKind, catalog: Catalog) -> tuple[NodeRequirement, ...]:
    """Labels that the pool's nodes must not have: a pool's name, and on CPU pools those of accelerators."""
    keys = set() if kind.named_by_label else {POOL_LABEL}
    if kind.mark is None:
        marks = [mark for accelerator in catalog.accelerators.values() for mark in accelerator.nodes]
        keys |= {key for mark in marks for key in mark.labels}
    return tuple(NodeRequirement(key=key, operator="DoesNotExist") for key in sorted(keys))


def _after(pools: Mapping[str, Pool], reserved: Iterable[Reservation]) -> dict[str, Pool]:
    """Pools after what is promised is taken off."""
    left = dict(pools)
    for promise in reserved:
        if promise.pool in left:
            left[promise.pool] = left[promise.pool].less(promise.demand, promise.replicas)
    return left
