from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.catalog import load_catalog
from qwen3_operator.inventory import Demand, Pool, Reservation, inventory
from tests.unit.inventory.objects import (
    CONTROL_PLANE_TAINT,
    GPU_TAINT,
    H100,
    a3_node,
    gpu_node,
    node,
    npu_node,
    pod,
)

if TYPE_CHECKING:
    from tests.unit.inventory.objects import Object

CATALOG = load_catalog()
MIB = 1 << 20
KWOK_TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}


def only_pool(*nodes: Object, pods: tuple[Object, ...] = (), **more: Any) -> Pool:
    found = inventory(nodes, pods, CATALOG, **more)
    assert len(found.pools) == 1, found
    return next(iter(found.pools.values()))


def reason(*nodes: Object) -> tuple[str, str]:
    found = inventory(nodes, [], CATALOG)
    assert not found.pools
    assert len(found.unused) == 1
    return found.unused[0].reason, found.unused[0].message


@pytest.mark.parametrize(
    ("made", "pool", "accelerator", "resource"),
    [
        (gpu_node("n"), "h100-80gb-hbm3", "H100-SXM", "nvidia.com/gpu"),
        (gpu_node("n", "NVIDIA-H200"), "h200", "H200-SXM", "nvidia.com/gpu"),
        (gpu_node("n", "Tesla-T4"), "t4", "T4", "nvidia.com/gpu"),
        (gpu_node("n", "NVIDIA-GB200", architecture="arm64"), "gb200-arm64", "GB200", "nvidia.com/gpu"),
        (npu_node("n"), "ascend-910b3", "Ascend-910B3", "huawei.com/Ascend910"),
        (npu_node("n", architecture="arm64"), "ascend-910b3-arm64", "Ascend-910B3", "huawei.com/Ascend910"),
        (
            npu_node("n", "910B4", labels={"mind-cluster/npu-chip-memory": "32G"}),
            "ascend-910b4",
            "Ascend-910B4",
            "huawei.com/Ascend910",
        ),
        (
            npu_node("n", "910B4", labels={"mind-cluster/npu-chip-memory": "64G"}),
            "ascend-910b4-64gb",
            "Ascend-910B4-64GB",
            "huawei.com/Ascend910",
        ),
        (a3_node("n"), "ascend-910c", "Ascend-910C", "huawei.com/Ascend910"),
        (
            node("n", labels={"ascend": "on"}, devices={"huawei.com/Ascend910B3": "8"}),
            "ascend-910b3-hami",
            "Ascend-910B3",
            "huawei.com/Ascend910B3",
        ),
        (node("n"), "cpu-amd64", "CPU", ""),
        (node("n", architecture="arm64"), "cpu-arm64", "CPU", ""),
    ],
)
def test_nodes_are_recognised(made: Object, pool: str, accelerator: str, resource: str) -> None:
    found = only_pool(made)
    assert (found.name, found.accelerator.name, found.resource_name) == (pool, accelerator, resource)


def test_free_is_allocatable_less_what_pods_request() -> None:
    pods = (
        pod("a", {"nvidia.com/gpu": "3", "cpu": "10", "memory": "1Gi"}),
        pod("a", {"nvidia.com/gpu": "2"}, phase="Succeeded"),
        pod("b", {"nvidia.com/gpu": "8"}, phase="Pending"),
        pod("elsewhere", {"nvidia.com/gpu": "8"}),
    )
    found = only_pool(gpu_node("a"), gpu_node("b"), pods=pods)
    assert [(n.name, n.devices, n.free_devices) for n in found.nodes] == [("a", 8, 5), ("b", 8, 0)]
    assert found.nodes[0].free_cpu_millicores == 54_000
    assert found.nodes[0].free_memory_bytes == 511 << 30
    assert found.room(Demand(2, 0, 0)) == 2


def test_the_deployment_being_planned_takes_nothing() -> None:
    pods = (
        pod("a", {"nvidia.com/gpu": "4"}, owner="mine", namespace="x"),
        pod("a", {"nvidia.com/gpu": "1"}, owner="mine"),
    )
    assert only_pool(gpu_node("a"), pods=pods).nodes[0].free_devices == 3
    assert only_pool(gpu_node("a"), pods=pods, exclude=("x", "mine")).nodes[0].free_devices == 7


def test_promises_do_not_take_what_the_planned_deployments_pods_hold() -> None:
    pods = (pod("a", {"nvidia.com/gpu": "6"}, owner="mine"), pod("b", {"nvidia.com/gpu": "6"}))
    promise = Reservation("h100-80gb-hbm3", Demand(2, 0, 0), 9)
    found = only_pool(gpu_node("a"), gpu_node("b"), pods=pods, exclude=("default", "mine"), reserved=(promise,))
    assert [n.free_devices for n in found.nodes] == [6, 0]


def test_promises_are_taken_off_where_they_fit() -> None:
    pods = (pod("a", {"nvidia.com/gpu": "5"}),)
    promise = Reservation("h100-80gb-hbm3", Demand(2, 1000, 0), 2)
    found = only_pool(gpu_node("a"), gpu_node("b"), pods=pods, reserved=(promise,))
    assert [n.free_devices for n in found.nodes] == [1, 6]
    gone = Reservation("no-such-pool", Demand(2, 0, 0), 2)
    full = Reservation("h100-80gb-hbm3", Demand(8, 0, 0), 9)
    found = only_pool(gpu_node("a"), gpu_node("b"), pods=pods, reserved=(gone, full))
    assert [n.free_devices for n in found.nodes] == [3, 0]


def test_a_replica_over_nodes_takes_a_part_of_each() -> None:
    pods = (pod("a", {"nvidia.com/gpu": "5"}),)
    wide = Demand(8, 0, 0, nodes=2)
    found = only_pool(gpu_node("a"), gpu_node("b"), gpu_node("c"), pods=pods)
    assert (found.room(Demand(8, 0, 0)), found.room(wide)) == (2, 1)
    bound = Reservation("h100-80gb-hbm3", wide, 1)
    found = only_pool(gpu_node("a"), gpu_node("b"), gpu_node("c"), pods=pods, reserved=(bound,))
    assert [n.free_devices for n in found.nodes] == [3, 0, 8], "one of its pods has a node already"


def test_the_host_limits_too() -> None:
    found = only_pool(gpu_node("a", cpu="8", memory="64Gi"))
    assert found.room(Demand(1, 2000, 0)) == 4
    assert found.room(Demand(1, 0, 30 << 30)) == 2
    assert found.room(Demand(1, 0, 0)) == 8


@pytest.mark.parametrize(
    ("made", "word", "text"),
    [
        (gpu_node("n", cordoned=True), "Cordoned", "uncordon"),
        (gpu_node("n", ready="Unknown"), "NotReady", "kubelet says Unknown"),
        (node("n", taints=(CONTROL_PLANE_TAINT,)), "Tainted", "node-role.kubernetes.io/control-plane:NoSchedule"),
        (gpu_node("n", taints=(GPU_TAINT, CONTROL_PLANE_TAINT)), "Tainted", "control-plane"),
        (
            gpu_node("n", taints=({"key": "nvidia.com/gpu", "effect": "NoExecute"},)),
            "Tainted",
            "nvidia.com/gpu:NoExecute",
        ),
        (node("n", taints=(KWOK_TAINT,)), "Tainted", "kwok.x-k8s.io/node"),
        (gpu_node("n", "NVIDIA-H100-80GB-HBM3-MIG-1c.2g.20gb"), "SharedDevices", "1c.2g.20gb is no whole MIG slice"),
        (gpu_node("n", "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"), "UnknownMemory", "nvidia.com/gpu.memory"),
        (gpu_node("n", "NVIDIA-L4-SHARED"), "SharedDevices", "memoryPerDevice"),
        (
            gpu_node("n", labels={"nvidia.com/gpu.count": "1", "nvidia.com/gpu.replicas": "4"}),
            "SharedDevices",
            "shared by 8 pods",
        ),
        (gpu_node("n", memory_mib=40_000), "MemoryMismatch", "40000 MiB, the catalog says 81559 MiB"),
        (gpu_node("n", "NVIDIA-Z9000"), "UnknownAccelerator", "NVIDIA-Z9000"),
        (node("n", devices={"nvidia.com/gpu": "8"}), "UnknownAccelerator", "no label"),
        (node("n", devices={"nvidia.com/mig-1g.10gb": "7"}), "UnknownAccelerator", "nvidia.com/mig-1g.10gb"),
        (node("n", devices={"huawei.com/Ascend910": "8"}), "UnknownAccelerator", "huawei.com/Ascend910"),
        (node("n", labels={"nvidia.com/gpu.product": H100}), "NoDevices", "device plugin"),
        (gpu_node("n", count=0), "NoDevices", "offers 0 nvidia.com/gpu"),
        (
            node(
                "n",
                labels={"nvidia.com/gpu.product": H100},
                devices={"nvidia.com/gpu": "0", "nvidia.com/mig-1g.10gb": "7"},
            ),
            "UnknownMemory",
            "nvidia.com/mig-1g.10gb.memory",
        ),
    ],
)
def test_unusable_nodes_say_why(made: Object, word: str, text: str) -> None:
    found, message = reason(made)
    assert found == word
    assert text in message


def test_soft_taints_repel_nothing() -> None:
    soft = {"key": "anything", "effect": "PreferNoSchedule"}
    assert only_pool(node("n", taints=(soft,))).tolerations == ()


def test_taints_of_accelerators_are_tolerated() -> None:
    found = only_pool(gpu_node("a", taints=(GPU_TAINT, KWOK_TAINT)), gpu_node("b"))
    assert [(t.key, t.operator, t.effect) for t in found.tolerations] == [
        ("kwok.x-k8s.io/node", "Exists", "NoSchedule"),
        ("nvidia.com/gpu", "Exists", "NoSchedule"),
    ]


def test_an_administrator_names_a_pool() -> None:
    named = gpu_node("a", labels={"serving.qwen3.io/pool": "team-a"})
    found = inventory([named, gpu_node("b")], [], CATALOG)
    assert set(found.pools) == {"team-a", "h100-80gb-hbm3"}
    assert found.pools["team-a"].node_selector["serving.qwen3.io/pool"] == "team-a"
    assert found.pools["team-a"].node_requirements == ()
    derived = found.pools["h100-80gb-hbm3"]
    assert "serving.qwen3.io/pool" not in derived.node_selector
    assert [(r.key, r.operator) for r in derived.node_requirements] == [("serving.qwen3.io/pool", "DoesNotExist")]


def test_a_named_pool_of_two_kinds_says_so() -> None:
    label = {"serving.qwen3.io/pool": "mixed"}
    found = inventory([gpu_node("a", labels=label), node("b", labels=label)], [], CATALOG)
    assert [n.name for n in found.pools["mixed"].nodes] == ["a"]
    assert [(n.name, n.reason) for n in found.unused] == [("b", "MixedPool")]


def _selects(pool: Pool, made: Object) -> bool:
    """Whether the scheduler could put a pod of the pool on the node, by labels alone."""
    labels = made["metadata"]["labels"]
    chosen = all(labels.get(key) == value for key, value in pool.node_selector.items())
    return chosen and not any(requirement.key in labels for requirement in pool.node_requirements)


def test_selectors_select_exactly_the_pools_nodes() -> None:
    nodes = [
        gpu_node("h100"), gpu_node("h200", "NVIDIA-H200"), npu_node("910b3"), a3_node("a3"), node("cpu"),
        npu_node("910b4", "910B4", labels={"mind-cluster/npu-chip-memory": "32G"}),
        npu_node("910b4-64", "910B4", labels={"mind-cluster/npu-chip-memory": "64G"}),
        node("arm", architecture="arm64"), gpu_node("named", labels={"serving.qwen3.io/pool": "x"}),
        node("named-cpu", labels={"serving.qwen3.io/pool": "y"}),
    ]  # fmt: skip
    found = inventory(nodes, [], CATALOG)
    assert len(found.pools) == len(nodes)
    for pool in found.pools.values():
        assert [made["metadata"]["name"] for made in nodes if _selects(pool, made)] == [n.name for n in pool.nodes]


def test_device_memory_is_the_smallest_reported() -> None:
    found = only_pool(gpu_node("a", memory_mib=81_559), gpu_node("b", memory_mib=81_000), gpu_node("c"))
    assert found.device_memory_bytes == 81_000 * MIB


def test_order_of_the_lists_does_not_matter() -> None:
    nodes = [gpu_node("b"), node("c"), npu_node("a"), node("d", cordoned=True)]
    pods = [pod("b", {"nvidia.com/gpu": "1"}), pod("c", {"cpu": "1"})]
    assert inventory(nodes, pods, CATALOG) == inventory(nodes[::-1], pods[::-1], CATALOG)
    assert list(inventory(nodes, pods, CATALOG).pools) == ["ascend-910b3", "cpu-amd64", "h100-80gb-hbm3"]
