"""MIG slices and time-sliced GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.catalog import load_catalog
from qwen3_operator.inventory import Demand, Reservation, inventory
from qwen3_operator.inventory.mig import profile, slice_of
from tests.unit.inventory.objects import H100, acp, gpu_node, node, pod

if TYPE_CHECKING:
    from qwen3_operator.inventory import Inventory
    from tests.unit.inventory.objects import Object

CATALOG = load_catalog()
MIB = 1 << 20


def found(*nodes: Object, **more: Any) -> Inventory:
    return inventory(nodes, more.pop("pods", ()), CATALOG, **more)


def mixed(name: str, gpus: int = 0, **slices: tuple[int, int]) -> Object:
    """A node of MIG strategy ``mixed``: slices by profile (underscore for the point), each (count, MiB)."""
    labels = {"nvidia.com/gpu.product": H100, "nvidia.com/gpu.memory": "81559", "nvidia.com/mig.strategy": "mixed"}
    devices = {"nvidia.com/gpu": str(gpus)}
    for written, (count, memory) in slices.items():
        resource = f"nvidia.com/mig-{written.removeprefix('p').replace('_', '.')}"
        devices[resource] = str(count)
        labels |= {f"{resource}.count": str(count), f"{resource}.memory": str(memory)}
    return node(name, labels=labels, devices=devices)


@pytest.mark.parametrize(
    ("accelerator", "kind", "compute", "memory"),
    [
        ("H100-SXM", "1g.10gb", 1 / 7, 1 / 8),
        ("H100-SXM", "1g.20gb", 1 / 7, 2 / 8),
        ("H100-SXM", "3g.40gb", 3 / 7, 4 / 8),
        ("H100-SXM", "7g.80gb", 1, 1),
        ("A100-SXM4-40GB", "1g.5gb", 1 / 7, 1 / 8),
        ("A100-SXM4-40GB", "2g.10gb", 2 / 7, 2 / 8),
        ("H200-SXM", "1g.18gb", 1 / 7, 1 / 8),
        ("H200-SXM", "4g.71gb", 4 / 7, 4 / 8),
        ("B200", "1g.23gb", 1 / 7, 1 / 8),
        ("A30", "2g.12gb", 2 / 4, 2 / 4),
    ],
)
def test_a_slice_has_its_share(accelerator: str, kind: str, compute: float, memory: float) -> None:
    whole, parsed = CATALOG.accelerators[accelerator], profile(kind)
    assert parsed is not None
    part, share = slice_of(whole, parsed, 9_856 * MIB)
    assert whole.bandwidth_gb is not None
    assert part.bandwidth_gb == pytest.approx(whole.bandwidth_gb * memory)
    assert part.tflops == pytest.approx({name: rate * compute for name, rate in whole.tflops.items()})
    assert part.memory_bytes == 9_856 * MIB
    assert (part.known, part.part_of, part.link_gb) == ("calculated", accelerator, None)
    assert (share.kind, share.of, share.part) == ("MIG", accelerator, kind)


@pytest.mark.parametrize(("text", "known"), [("1g.10gb.me", True), ("1g.10gb+me", True), ("1c.2g.20gb", False)])
def test_profiles(text: str, known: bool) -> None:  # noqa: FBT001 - pytest fills it in
    assert (profile(text) is not None) == known


def test_strategy_single_is_a_pool_of_slices() -> None:
    product = f"{H100}-MIG-1g.10gb"
    (pool,) = found(gpu_node("a", product, memory_mib=9_856, count=56)).pools.values()
    assert pool.name == "h100-80gb-hbm3-mig-1g-10gb"
    assert pool.accelerator.name == "H100-SXM-MIG-1g.10gb"
    assert pool.resource_name == "nvidia.com/gpu"
    assert pool.device_memory_bytes == 9_856 * MIB
    assert pool.node_selector["nvidia.com/gpu.product"] == product
    assert pool.nodes[0].devices == 56
    assert pool.largest_node == 1, "slices do not work together"


def test_strategy_mixed_is_a_pool_per_size_and_one_of_whole_gpus() -> None:
    made = mixed("a", gpus=6, p1g_10gb=(7, 9_856), p3g_40gb=(2, 40_320))
    taken = (
        pod("a", {"nvidia.com/mig-1g.10gb": "3", "cpu": "4"}),
        pod("a", {"nvidia.com/gpu": "1"}),
    )
    pools = found(made, gpu_node("b"), pods=taken).pools
    shown = {
        name: (pool.resource_name, [(room.name, room.free_devices) for room in pool.nodes], pool.largest_node)
        for name, pool in pools.items()
    }
    assert shown == {
        "h100-80gb-hbm3": ("nvidia.com/gpu", [("a", 5), ("b", 8)], 8),
        "h100-80gb-hbm3-mig-1g-10gb": ("nvidia.com/mig-1g.10gb", [("a", 4)], 1),
        "h100-80gb-hbm3-mig-3g-40gb": ("nvidia.com/mig-3g.40gb", [("a", 2)], 1),
    }
    assert {pool.nodes[0].free_cpu_millicores for pool in pools.values()} == {60_000}


def test_a_host_is_one_also_where_its_slices_are_in_several_pools() -> None:
    made = mixed("a", p1g_10gb=(7, 9_856), p3g_40gb=(2, 40_320))
    promise = Reservation("h100-80gb-hbm3-mig-1g-10gb", Demand(1, 30_000, 0), 2)
    pools = found(made, reserved=(promise,)).pools
    assert [room.free_cpu_millicores for pool in pools.values() for room in pool.nodes] == [4_000, 4_000]
    assert [room.free_devices for pool in pools.values() for room in pool.nodes] == [5, 2]


def test_a_slice_of_unknown_memory_keeps_nothing_else_back() -> None:
    made = mixed("a", gpus=6, p1g_10gb=(7, 9_856))
    del made["metadata"]["labels"]["nvidia.com/mig-1g.10gb.memory"]
    answer = found(made)
    assert set(answer.pools) == {"h100-80gb-hbm3"}
    assert [(lost.reason, lost.pool) for lost in answer.unused] == [("UnknownMemory", "h100-80gb-hbm3-mig-1g-10gb")]


def shared_t4(count: str = "1", slots: int = 4, **labels: str) -> Object:
    marks = {"nvidia.com/gpu.count": count, "nvidia.com/gpu.replicas": "4", **labels}
    return gpu_node("t", "Tesla-T4-SHARED", memory_mib=15_360, count=slots, labels=marks)


def test_a_shared_gpu_is_never_a_whole_one() -> None:
    answer = found(shared_t4())
    assert answer.pools == {}
    assert answer.unused[0].reason == "SharedDevices"
    assert "shared by 4 pods" in answer.unused[0].message
    assert "memoryPerDevice" in answer.unused[0].message


def test_a_node_that_offers_more_gpus_than_it_has_shares_them() -> None:
    answer = found(gpu_node("a", count=80, labels={"nvidia.com/gpu.count": "8"}))
    assert answer.pools == {}
    assert "shared by 10 pods" in answer.unused[0].message
    assert len(found(gpu_node("a", count=7, labels={"nvidia.com/gpu.count": "8"})).pools) == 1, "one is broken"


@pytest.mark.parametrize(
    "made",
    [
        shared_t4(),
        shared_t4(count="2", slots=8),
        node(
            "t",
            labels={"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.count": "1"},
            devices={"nvidia.com/gpu.shared": "4"},
        ),
    ],
)
def test_a_pool_that_states_the_memory_makes_it_usable(made: Object) -> None:
    pool = acp("shared", nodeSelector={"kubernetes.io/arch": "amd64"}, memoryPerDevice="3Gi")
    (named,) = found(made, pools=(pool,)).pools.values()
    whole = CATALOG.accelerators["T4"]
    assert named.device_memory_bytes == 3 << 30
    assert named.share is not None
    assert (named.share.kind, named.share.part, named.largest_node) == ("TimeSlicing", "1 of 4", 1)
    assert named.accelerator.known == "calculated"
    assert named.accelerator.tflops == pytest.approx({name: rate / 4 for name, rate in whole.tflops.items()})


def test_more_memory_than_the_gpu_has_is_refused() -> None:
    pool = acp("shared", nodeSelector={"kubernetes.io/arch": "amd64"}, memoryPerDevice="8Gi")
    answer = found(shared_t4(), pools=(pool,))
    assert answer.pools == {}
    assert [(lost.reason, lost.pool) for lost in answer.unused] == [("MemoryMismatch", "shared")]
    assert "8192 MiB for 4 pods" in answer.unused[0].message
