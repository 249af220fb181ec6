"""Nodes and pods, as Kubernetes lists them, grouped into pools with what is free."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.status import Toleration
from qwen3_operator.inventory.after import after
from qwen3_operator.inventory.marks import Marks
from qwen3_operator.inventory.named import named_pools
from qwen3_operator.inventory.nodes import NodeKind, kinds_of
from qwen3_operator.inventory.quotas import Quotas, limits_of
from qwen3_operator.inventory.requests import Resources, add, resources
from qwen3_operator.inventory.rooms import Amounts, Owner, room_of, used_by
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
    exclude: Owner | None = None,
    reserved: Iterable[Reservation] = (),
    groups: bool = False,
    quotas: Iterable[Mapping[str, Any]] = (),
) -> Inventory:
    """What can be planned on.

    Args:
        nodes: Node objects.
        pods: Pod objects of all namespaces; those that are bound and not finished take what they request. Those of
            Qwen3Deployments that are not bound yet count against quotas.
        catalog: how accelerators show themselves.
        pools: AcceleratorPool objects, whose words come before what is discovered.
        exclude: namespace and name of the deployment that is being planned anew: its own pods take nothing.
        reserved: what other deployments were promised and have not bound yet.
        groups: whether the cluster has LeaderWorkerSet, so that a replica may span nodes.
        quotas: ResourceQuota objects; those of the namespace of ``exclude`` count.
    """
    return Survey(nodes, pods, catalog, pools, groups=groups, quotas=quotas).inventory(exclude, reserved)


class Survey:
    """One look at the cluster, from which inventories for many deployments are made at little cost."""

    def __init__(
        self,
        nodes: Iterable[Mapping[str, Any]],
        pods: Iterable[Mapping[str, Any]],
        catalog: Catalog,
        pools: Iterable[Mapping[str, Any]] = (),
        *,
        groups: bool = False,
        quotas: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Arguments as those of `inventory`."""
        self._groups = groups
        self._used = used_by(pods)
        self._quotas: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for quota in quotas:
            self._quotas[quota["metadata"]["namespace"]].append(quota)
        self._nodes: dict[str, Amounts] = {}
        stated, marks = named_pools(pools), Marks(catalog)
        members: defaultdict[str, list[Member]] = defaultdict(list)
        unused: list[UnusedNode] = []
        for node in sorted(nodes, key=lambda node: str(node["metadata"]["name"])):
            labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
            amounts = Amounts(name, resources(node["status"].get("allocatable")), self._used.nodes.get(name, {}))
            self._nodes[name] = amounts
            for kind in kinds_of(node, marks, stated):
                if isinstance(kind, UnusedNode):
                    unused.append(kind)
                else:
                    members[kind.pool].append((kind, labels, room_of(amounts, kind.offer.resource, {})))
        taken = [(kind, labels) for group in members.values() for kind, labels, _ in group if kind.stated]
        self._pools: dict[str, Pool] = {}
        for name in sorted(members):
            key = members[name][0][0].key
            mine = [member for member in members[name] if member[0].key == key]
            self._pools[name] = _pool(name, mine, taken, catalog)
            unused += [_odd(room, name) for kind, _, room in members[name] if kind.key != key]
        self._unused = tuple(unused)
        self._named = frozenset(pool.name for pool in stated)

    def inventory(self, exclude: Owner | None = None, reserved: Iterable[Reservation] = ()) -> Inventory:
        """What there is for a deployment after what others were promised, its own pods not counted.

        Promises take what is free; what the deployment's pods hold is not for others to take.
        """
        own = self._used.owned.get(exclude, {}) if exclude else {}
        promises = tuple(reserved)
        pools = after(self._pools, promises)
        if own:
            pools = {name: self._without(pool, own) for name, pool in pools.items()}
        quotas = self._left(exclude, promises) if exclude else Quotas()
        return Inventory(pools, self._unused, self._named, self._groups, quotas)

    def _left(self, planning: Owner, promises: Iterable[Reservation]) -> Quotas:
        """What quotas leave a deployment after what others of its namespace were promised and have not created."""
        namespace, own = planning[0], self._used.held.get(planning, {})
        if not (quotas := self._quotas.get(namespace)):
            return Quotas()
        held: Resources = {}
        for owner, requested in self._used.held.items():
            if owner[0] == namespace:
                add(held, requested)
        left = Quotas(tuple(chain.from_iterable(limits_of(quota, held, own) for quota in quotas)))
        for promise in promises:
            if promise.namespace == namespace:
                pods = replace(promise.demand, nodes=promise.uncreated)
                left = left.less(promise.resource, pods, 1)
        return left

    def _without(self, pool: Pool, own: Mapping[str, Resources]) -> Pool:
        if not any(room.name in own for room in pool.nodes):
            return pool
        return replace(pool, nodes=tuple(self._given_back(room, pool.resource_name, own) for room in pool.nodes))

    def _given_back(self, room: NodeRoom, resource: str, own: Mapping[str, Resources]) -> NodeRoom:
        """The room with what the own pods hold there."""
        if room.name not in own:
            return room
        node = self._nodes[room.name]
        held, empty = room_of(node, resource, {}), room_of(node, resource, own[room.name])
        return replace(
            room,
            free_devices=room.free_devices + empty.free_devices - held.free_devices,
            free_cpu_millicores=room.free_cpu_millicores + empty.free_cpu_millicores - held.free_cpu_millicores,
            free_memory_bytes=room.free_memory_bytes + empty.free_memory_bytes - held.free_memory_bytes,
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
