"""Pools after replicas that were promised are taken off."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.inventory.types import Demand, NodeRoom, Pool, Reservation


def after(pools: Mapping[str, Pool], reserved: Iterable[Reservation]) -> dict[str, Pool]:
    """Pools after what is promised is taken off."""
    left = dict(pools)
    promises: defaultdict[str, list[tuple[Demand, int]]] = defaultdict(list)
    for promise in reserved:
        promises[promise.pool].append((promise.demand, promise.pods))
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
