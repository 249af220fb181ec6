"""Promises taken off a pool, against the plain way of doing it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_operator.catalog import load_catalog
from qwen3_operator.inventory import Demand, NodeRoom, Pool, inventory
from tests.unit.inventory.objects import gpu_node

(POOL,) = inventory([gpu_node("a")], (), load_catalog()).pools.values()

rooms = st.builds(
    NodeRoom,
    name=st.just(""),
    devices=st.just(8),
    memory_bytes=st.just(64),
    free_devices=st.integers(0, 8),
    free_cpu_millicores=st.integers(0, 8),
    free_memory_bytes=st.integers(0, 8),
)
demands = st.builds(
    Demand, devices=st.integers(0, 4), cpu_millicores=st.integers(0, 4), memory_bytes=st.integers(0, 4)
).filter(lambda demand: any((demand.devices, demand.cpu_millicores, demand.memory_bytes)))


def plainly(pool: Pool, demand: Demand, replicas: int) -> Pool:
    """One replica after the other to the fullest node that has room."""
    nodes = {node.name: node for node in pool.nodes}
    for _ in range(replicas):
        fitting = [node for node in nodes.values() if node.replicas(demand)]
        if fitting:
            chosen = min(fitting, key=lambda node: (node.free_devices, node.free_memory_bytes, node.name))
            nodes[chosen.name] = chosen.less(demand)
    return replace(pool, nodes=tuple(nodes.values()))


@settings(max_examples=200)
@given(st.lists(rooms, max_size=6), st.lists(st.tuples(demands, st.integers(0, 5)), max_size=4))
def test_every_replica_goes_to_the_fullest_node_that_has_room(
    found: list[NodeRoom], promises: list[tuple[Demand, int]]
) -> None:
    pool = replace(POOL, nodes=tuple(replace(room, name=f"n{number}") for number, room in enumerate(found)))
    expected = pool
    for demand, replicas in promises:
        expected = plainly(expected, demand, replicas)
    assert pool.less(promises) == expected
