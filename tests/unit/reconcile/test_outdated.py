from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.api.intent import Objective
from qwen3_operator.api.status import ConditionStatus, NodeRequirement, PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.reconcile.outdated import judge_plan
from qwen3_operator.sizing import plan
from tests.unit.inventory.objects import acp, gpu_node, node
from tests.unit.sizing.given import CATALOG, planned, spec

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.reconcile.observed import Verdict
    from tests.unit.inventory.objects import Object

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE
H200 = "NVIDIA-H200"
BIG: dict[str, Any] = {"model": {"quantization": "FP8"}, "replicas": 1}


def on(*nodes: Object, pools: tuple[Object, ...] = ()) -> Inventory:
    return inventory(nodes, (), CATALOG, pools=pools)


def made(asked: DeploymentSpec, room: Inventory) -> PlanStatus:
    found = plan(asked, room, CATALOG)
    assert isinstance(found, PlanStatus), found
    return found


def verdict(asked: DeploymentSpec, current: PlanStatus, room: Inventory) -> Verdict:
    return judge_plan(current, plan(asked, room, CATALOG), room, CATALOG, asked.optimize_for)


def priced(h100: str, h200: str) -> tuple[Object, ...]:
    return (
        acp("h100", nodeSelector={"kind": "h100"}, pricePerDeviceHour=h100),
        acp("h200", nodeSelector={"kind": "h200"}, pricePerDeviceHour=h200),
    )


def both() -> tuple[Object, Object]:
    return gpu_node("a", labels={"kind": "h100"}), gpu_node("b", H200, memory_mib=143_771, labels={"kind": "h200"})


def test_the_same_plan_is_current() -> None:
    asked, room = spec(**BIG), on(gpu_node("a"))
    assert verdict(asked, made(asked, room), room) == (FALSE, "Current", "the planner would choose the same again")


def test_pods_that_take_fewer_requests_than_a_new_plan_would_are_told() -> None:
    room = on(node("c"))
    asked = {"model": {"name": "Qwen3-0.6B", "contextLength": 4096}}
    one, two = (spec(**asked, replicas=replicas, workload={"concurrency": 8}) for replicas in (1, 2))
    for_one, for_two = made(one, room), made(two, room)
    assert (for_one.placements[0].max_concurrency, for_two.placements[0].max_concurrency) == (8, 4)
    scaled_up, scaled_down = (
        found.model_copy(update={"placements": (found.placements[0].model_copy(update={"replicas": replicas}),)})
        for found, replicas in ((for_one, 2), (for_two, 1))
    )
    lessened = verdict(two, scaled_up, room)
    assert lessened == (FALSE, "NothingBetter", "a new plan would have room for 8 requests at a time instead of 16")
    found = verdict(one, scaled_down, room)
    assert (found.status, found.reason) == (TRUE, "BetterPlan")
    assert found.message.startswith("room for 8 requests at a time instead of 4; a new plan would be: Qwen3-0.6B")


def test_a_lower_price_elsewhere() -> None:
    asked, before, after = spec(**BIG), on(*both(), pools=priced("2", "4")), on(*both(), pools=priced("5", "4"))
    current = made(asked, before)
    assert current.placements[0].pool == "h100"
    assert verdict(asked, current, before).reason == "Current"
    found = verdict(asked, current, after)
    assert (found.status, found.reason) == (TRUE, "BetterPlan")
    assert found.message.startswith("4.00 per hour instead of 5.00 per hour; a new plan would be: Qwen3-32B FP8 on ")
    assert "H200" in found.message


def test_a_price_that_is_hardly_lower_is_no_better_plan() -> None:
    asked, before, after = spec(**BIG), on(*both(), pools=priced("2", "4")), on(*both(), pools=priced("4.02", "4"))
    assert verdict(asked, made(asked, before), after).reason == "NothingBetter"


def test_fewer_devices_where_nothing_has_a_price() -> None:
    asked = spec(**{**BIG, "model": {"quantization": "BF16"}})
    small = gpu_node("a", "NVIDIA-L40S", memory_mib=46_068)
    current = made(asked, on(small))
    count = current.placements[0].devices_per_replica
    assert count > 1
    found = verdict(asked, current, on(small, gpu_node("b", H200, memory_mib=143_771)))
    assert found.reason == "BetterPlan"
    assert found.message.startswith(f"1 device instead of {count} devices; ")


def test_an_accelerator_is_better_than_a_cpu() -> None:
    asked = spec("Qwen3-0.6B", replicas=1)
    current = made(asked, on(node("a")))
    assert current.placements[0].device == "cpu"
    found = verdict(asked, current, on(node("a"), gpu_node("b", "NVIDIA-L4", memory_mib=23_034)))
    assert found.message.startswith("on accelerators instead of on CPUs; ")


def test_another_plan_that_is_better_in_no_number_is_not_told() -> None:
    asked = spec(**BIG)
    late, early = (gpu_node(name, labels={"serving.qwen3.io/pool": name}) for name in ("z", "a"))
    current = made(asked, on(late))
    room = on(late, early)
    assert made(asked, room).placements[0].pool == "a"
    assert verdict(asked, current, room)[:2] == (FALSE, "NothingBetter")


def test_a_pool_without_room_for_what_runs() -> None:
    asked, other = spec(**BIG), gpu_node("b", H200, memory_mib=143_771)
    current = planned(asked, gpu_node("a"))
    gone = verdict(asked, current, on(other))
    assert (gone.status, gone.reason) == (TRUE, "PoolGone")
    assert gone.message.startswith("pool h100-80gb-hbm3 has no usable nodes any more; a new plan would be: ")
    small = gpu_node("a", count=1, cpu="1")
    assert "has room for 0 of 1 replicas now" in verdict(asked, current, on(small, other)).message


def test_a_pool_that_became_another() -> None:
    asked, label = spec(**BIG), {"serving.qwen3.io/pool": "x"}
    current = made(asked, on(gpu_node("a", labels=label)))
    found = verdict(asked, current, on(gpu_node("a", H200, memory_mib=143_771, labels=label)))
    assert (found.reason, "is H200-SXM now, the plan is for H100-SXM" in found.message) == ("PoolGone", True)


def test_other_settings_of_the_same_pool() -> None:
    asked, labels = spec(**BIG), {"kind": "h100"}
    before = on(gpu_node("a", labels=labels), pools=(acp("h100", nodeSelector=labels, images={"SGLang": "r:1"}),))
    after = on(
        gpu_node("a", labels=labels),
        pools=(acp("h100", nodeSelector=labels, images={"SGLang": "r:2"}, runtimeClassName="nvidia"),),
    )
    found = verdict(asked, made(asked, before), after)
    assert (found.status, found.reason) == (TRUE, "PoolChanged")
    assert found.message.startswith("pool h100 has other image and RuntimeClass; ")


def test_a_label_that_must_be_missing_is_no_news() -> None:
    asked, room = spec(**BIG), on(gpu_node("a"))
    current = made(asked, room)
    other = (NodeRequirement(key="example.com/other", operator="DoesNotExist"),)
    placed = current.placements[0].model_copy(update={"node_requirements": other})
    assert verdict(asked, current.model_copy(update={"placements": (placed,)}), room).reason == "Current"


def test_nothing_fits_any_more() -> None:
    asked = spec(**BIG)
    found = verdict(asked, planned(asked, gpu_node("a")), on())
    assert (found.status, found.reason) == (FALSE, "NothingBetter")
    assert found.message.startswith("a new plan would find nothing: ")


def test_latency_is_what_decides_where_it_is_asked_for() -> None:
    asked = spec(**BIG, optimizeFor="Latency")
    current = made(asked, on(*both(), pools=priced("1", "9"))).model_copy()
    slow = current.placements[0].predicted
    assert slow is not None
    worse = slow.model_copy(update={"time_per_output_token": "900ms"})
    current = current.model_copy(
        update={"placements": (current.placements[0].model_copy(update={"predicted": worse, "tensor_parallel": 64}),)}
    )
    found = verdict(asked, current, on(*both(), pools=priced("1", "9")))
    assert asked.optimize_for is Objective.LATENCY
    assert found.reason == "BetterPlan"
    assert "instead of 900.0 ms per token" in found.message


def test_a_better_model_where_quality_is_asked_for() -> None:
    asked = spec(**BIG, optimizeFor="Quality")
    room = on(gpu_node("a"))
    current = made(asked, room)
    smaller = current.model_copy(update={"model": "Qwen3-8B"})
    assert "Qwen3-32B FP8 instead of Qwen3-8B FP8" in verdict(asked, smaller, room).message
