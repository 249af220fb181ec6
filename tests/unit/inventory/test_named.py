"""AcceleratorPools merged into what is discovered."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.catalog import load_catalog
from qwen3_operator.inventory import inventory
from tests.unit.inventory.objects import CONTROL_PLANE_TAINT, GPU_TAINT, H100, acp, gpu_node, node, npu_node

if TYPE_CHECKING:
    from qwen3_operator.inventory import Inventory, Pool
    from tests.unit.inventory.objects import Object

CATALOG = load_catalog()
TEAM = {"team": "a"}


def merged(nodes: list[Object], *pools: Object) -> Inventory:
    return inventory(nodes, (), CATALOG, pools=pools)


def selects(pool: Pool, made: Object) -> bool:
    """Whether the scheduler could put a pod of the pool on the node, by labels alone."""
    labels = made["metadata"]["labels"]
    if not all(labels.get(key) == value for key, value in pool.node_selector.items()):
        return False
    return all(
        requirement.key not in labels
        if requirement.operator == "DoesNotExist"
        else labels.get(requirement.key) not in requirement.values
        for requirement in pool.node_requirements
    )


def test_a_pool_adds_to_what_is_discovered() -> None:
    pool = acp(
        "fast",
        nodeSelector=TEAM,
        pricePerDeviceHour="2.49",
        runtimeClassName="nvidia",
        images={"SGLang": "runtime:1"},
    )
    found = merged([gpu_node("a", labels=TEAM), gpu_node("b")], pool).pools
    assert set(found) == {"fast", "h100-80gb-hbm3"}
    fast = found["fast"]
    assert (fast.accelerator.name, fast.resource_name) == ("H100-SXM", "nvidia.com/gpu")
    assert (fast.price_per_device_hour, fast.runtime_class) == (Decimal("2.49"), "nvidia")
    assert fast.images == {"SGLang": "runtime:1"}
    assert fast.node_selector.items() >= TEAM.items()
    rest = found["h100-80gb-hbm3"]
    assert (rest.price_per_device_hour, rest.runtime_class, rest.images) == (None, None, {})


def test_without_a_selector_the_label_names_the_pool() -> None:
    labelled = gpu_node("a", labels={"serving.qwen3.io/pool": "fast"})
    found = merged([labelled, gpu_node("b")], acp("fast", pricePerDeviceHour="0")).pools
    assert found["fast"].price_per_device_hour == 0
    assert [room.name for room in found["fast"].nodes] == ["a"]
    assert set(found) == {"fast", "h100-80gb-hbm3"}


def test_pods_keep_to_their_pool() -> None:
    both = {"team": "a", "zone": "z"}
    nodes = [
        gpu_node("mine", labels={**both, "kubernetes.io/hostname": "mine"}),
        gpu_node("team", labels={"team": "a", "kubernetes.io/hostname": "team"}),
        gpu_node("zone", labels={"zone": "z", "kubernetes.io/hostname": "zone"}),
        gpu_node("plain", labels={"kubernetes.io/hostname": "plain"}),
        node("cpu", labels=both),
        npu_node("npu", labels=both),
    ]
    found = merged(nodes, acp("mine", nodeSelector=both, accelerator="H100-SXM")).pools
    for pool in (found["mine"], found["h100-80gb-hbm3"]):
        chosen = sorted(made["metadata"]["name"] for made in nodes if selects(pool, made))
        held = [room.name for room in pool.nodes]
        offering = [name for name in chosen if name not in {"cpu", "npu"}]
        assert offering == held, "CPU and NPU nodes offer no nvidia.com/gpu"
    (requirement,) = [found for found in found["h100-80gb-hbm3"].node_requirements if found.operator == "NotIn"]
    assert (requirement.key, requirement.values) == ("kubernetes.io/hostname", ("mine",))


def test_a_label_that_tells_the_nodes_apart_is_enough() -> None:
    nodes = [gpu_node("a", labels=TEAM), gpu_node("b", labels=TEAM), gpu_node("c")]
    rest = merged(nodes, acp("fast", nodeSelector=TEAM)).pools["h100-80gb-hbm3"]
    requirements = [(found.key, found.operator, found.values) for found in rest.node_requirements]
    assert ("team", "NotIn", ("a",)) in requirements
    assert not selects(rest, nodes[0])
    assert selects(rest, nodes[2])


def test_a_pool_corrects_what_labels_say() -> None:
    mislabelled = gpu_node("a", "NVIDIA-Z9000", memory_mib=60_000, labels=TEAM)
    pool = acp("odd", nodeSelector=TEAM, accelerator="H100-SXM", memoryPerDevice="60000Mi")
    (found,) = merged([mislabelled], pool).pools.values()
    assert (found.accelerator.name, found.device_memory_bytes >> 20) == ("H100-SXM", 60_000)
    assert found.node_selector["team"] == "a"


def test_a_pool_names_what_no_label_tells() -> None:
    bare = node("a", labels=TEAM, devices={"huawei.com/Ascend910": "8"}, architecture="arm64")
    assert merged([bare]).unused[0].reason == "UnknownAccelerator"
    pool = acp("npus", nodeSelector=TEAM, accelerator="Ascend-910B3", resourceName="huawei.com/Ascend910")
    (found,) = merged([bare], pool).pools.values()
    assert (found.accelerator.name, found.resource_name) == ("Ascend-910B3", "huawei.com/Ascend910")
    assert (found.architecture, found.nodes[0].free_devices) == ("arm64", 8)


def test_a_resource_of_another_name() -> None:
    labels = {"node.kubernetes.io/npu.chip.name": "910B3", **TEAM}
    renamed = node("a", labels=labels, devices={"example.com/npu": "8"})
    (found,) = merged([renamed], acp("npus", nodeSelector=TEAM, resourceName="example.com/npu")).pools.values()
    assert (found.accelerator.name, found.resource_name) == ("Ascend-910B3", "example.com/npu")


def test_a_price_for_cpu_nodes() -> None:
    pool = acp("hosts", nodeSelector=TEAM, accelerator="CPU", pricePerDeviceHour="0.10")
    found = merged([node("a", labels=TEAM), node("b")], pool).pools
    assert set(found) == {"hosts", "cpu-amd64"}
    assert found["hosts"].price_per_device_hour == Decimal("0.10")
    assert not selects(found["cpu-amd64"], node("a", labels=TEAM))


@pytest.mark.parametrize(
    ("toleration", "usable"),
    [
        ({"key": "node-role.kubernetes.io/control-plane"}, True),
        ({"key": "node-role.kubernetes.io/control-plane", "effect": "NoExecute"}, False),
        ({"key": "node-role.kubernetes.io/control-plane", "operator": "Equal", "value": "x"}, False),
        ({"key": "other"}, False),
    ],
)
def test_stated_tolerations(toleration: dict[str, Any], usable: bool) -> None:  # noqa: FBT001 - pytest fills it in
    tainted = gpu_node("a", labels=TEAM, taints=(GPU_TAINT, CONTROL_PLANE_TAINT))
    found = merged([tainted], acp("fast", nodeSelector=TEAM, tolerations=[toleration]))
    assert ("fast" in found.pools) == usable
    if usable:
        keys = [(kept.key, kept.effect) for kept in found.pools["fast"].tolerations]
        assert keys == [("nvidia.com/gpu", "NoSchedule"), (toleration["key"], None)]


def test_two_pools_that_select_one_node_get_neither() -> None:
    pools = (acp("one", nodeSelector=TEAM), acp("two", nodeSelector={"kubernetes.io/arch": "amd64"}))
    found = merged([gpu_node("a", labels=TEAM), gpu_node("b")], *pools)
    assert [room.name for room in found.pools["two"].nodes] == ["b"]
    assert "one" not in found.pools
    assert [(lost.name, lost.reason, lost.pool) for lost in found.unused] == [
        ("a", "PoolConflict", "one"),
        ("a", "PoolConflict", "two"),
    ]


def test_two_pools_may_share_a_node_by_resource() -> None:
    resource = "nvidia.com/mig-1g.10gb"
    labels = {**TEAM, "nvidia.com/gpu.product": H100, f"{resource}.memory": "9856"}
    sliced = node("a", labels=labels, devices={"nvidia.com/gpu": "6", resource: "14"})
    pools = (
        acp("whole", nodeSelector=TEAM, resourceName="nvidia.com/gpu"),
        acp("small", nodeSelector=TEAM, resourceName=resource, pricePerDeviceHour="0.4"),
    )
    found = merged([sliced], *pools)
    assert {name: pool.nodes[0].devices for name, pool in found.pools.items()} == {"whole": 6, "small": 14}
    only = merged([sliced], pools[1])
    assert set(only.pools) == {"small", "h100-80gb-hbm3"}, "what no pool claims is discovered as ever"
    all_of_it = merged([sliced], acp("all", nodeSelector=TEAM))
    assert set(all_of_it.pools) == {"all"}
    assert [(lost.reason, resource in lost.message) for lost in all_of_it.unused] == [("MixedPool", True)]


def test_unknown_accelerator_is_answered_with_near_ones() -> None:
    found = merged([gpu_node("a", labels=TEAM)], acp("fast", nodeSelector=TEAM, accelerator="H100-SMX"))
    assert found.pools == {}
    assert (found.unused[0].reason, found.unused[0].pool) == ("UnknownAccelerator", "fast")
    assert "H100-SXM" in found.unused[0].message


def test_a_resource_that_nobody_offers() -> None:
    found = merged([gpu_node("a", labels=TEAM)], acp("npus", nodeSelector=TEAM, accelerator="Ascend-910B3"))
    assert [(lost.reason, lost.pool) for lost in found.unused] == [("NoDevices", "npus")]
    assert "huawei.com/Ascend910" in found.unused[0].message


def test_a_discovered_pool_does_not_join_a_named_one() -> None:
    pool = acp("h100-80gb-hbm3", nodeSelector=TEAM, pricePerDeviceHour="9")
    found = merged([gpu_node("a", labels=TEAM), gpu_node("b")], pool).pools
    assert {name: [room.name for room in pool.nodes] for name, pool in found.items()} == {
        "h100-80gb-hbm3": ["a"],
        "h100-80gb-hbm3-other": ["b"],
    }
    assert found["h100-80gb-hbm3-other"].price_per_device_hour is None


def test_a_pool_without_nodes_is_known_of() -> None:
    found = merged([gpu_node("a"), gpu_node("b", "NVIDIA-H200", memory_mib=143_771, cordoned=True)], acp("later"))
    assert found.pool_names == {"later", "h100-80gb-hbm3", "h200"}


def test_an_object_of_another_form_is_passed_over() -> None:
    found = merged([gpu_node("a", labels=TEAM)], acp("fast", nodeSelector=TEAM, memoryPerDevice="much"))
    assert set(found.pools) == {"h100-80gb-hbm3"}
