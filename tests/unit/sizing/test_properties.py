"""What holds for every spec and every cluster."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_operator.api.intent import Objective, ServiceLevel, Workload
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import Demand, Inventory, Reservation, inventory
from qwen3_operator.sizing import PlanFailure, evaluate, plan, with_replicas
from tests.unit.inventory.objects import a3_node, gpu_node, node, npu_node, pod
from tests.unit.sizing.given import CATALOG, LIBRARY, spec

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Placement
    from tests.unit.inventory.objects import Object

PRODUCTS = [
    mark.labels["nvidia.com/gpu.product"]
    for accelerator in CATALOG.accelerators.values()
    for mark in accelerator.nodes
    if accelerator.device == "cuda"
]


@st.composite
def specs(draw: st.DrawFn) -> DeploymentSpec:
    model = draw(st.sampled_from(sorted(CATALOG.models)))
    formats = ["Auto", *(str(found.quantization) for found in CATALOG.models[model].checkpoints)]
    over: dict[str, Any] = {
        "replicas": draw(st.one_of(st.none(), st.integers(0, 6))),
        "model": {"quantization": draw(st.sampled_from(formats))},
        "workload": {"concurrency": draw(st.integers(1, 64))},
    }
    if draw(st.booleans()):
        over["model"]["contextLength"] = draw(st.integers(256, 131_072))
    if draw(st.booleans()):
        over["workload"] |= {
            "inputTokens": {"p95": draw(st.integers(1, 30_000))},
            "outputTokens": {"p95": draw(st.integers(1, 10_000))},
        }
    if draw(st.booleans()):
        over["hardware"] = {"maxDevicesPerReplica": draw(st.integers(1, 16))}
    return spec(model, **over)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Object], list[Object]]:
    nodes: list[Object] = []
    for number in range(draw(st.integers(0, 5))):
        count = draw(st.integers(1, 8))
        made = draw(st.sampled_from(["gpu", "npu", "a3", "cpu"]))
        product = draw(st.sampled_from(PRODUCTS))
        nodes.append(_node(f"n{number}", made, product, count))
    pods = [
        pod(
            f"n{draw(st.integers(0, 5))}", {"nvidia.com/gpu": str(draw(st.integers(0, 8))), "memory": "8Gi", "cpu": "3"}
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    return nodes, pods


def _node(name: str, made: str, product: str, count: int) -> Object:
    match made:
        case "gpu":
            return gpu_node(name, product, count)
        case "npu":
            return npu_node(name, count=count)
        case "a3":
            return a3_node(name, count * 2)
        case _:
            return node(name)


def total(found: Inventory) -> int:
    return sum(n.free_devices for pool in found.pools.values() for n in pool.nodes)


@given(specs(), clusters())
@settings(max_examples=150)
def test_a_plan_keeps_within_devices_and_memory(
    asked: DeploymentSpec, cluster: tuple[list[Object], list[Object]]
) -> None:
    found = inventory(*cluster, CATALOG)
    answer = plan(asked, found, CATALOG)
    assert answer == plan(asked, inventory(cluster[0][::-1], cluster[1], CATALOG), CATALOG)
    if isinstance(answer, PlanFailure):
        assert answer.message
        return
    replicas = sum(p.replicas for p in answer.placements)
    assert asked.replicas in {None, replicas}
    held = sum(p.replicas * p.max_concurrency for p in answer.placements)
    assert asked.replicas == 0 or held >= (asked.workload.concurrency or 1)
    assert len({p.pool for p in answer.placements}) == len(answer.placements)
    for placement in answer.placements:
        memory, pool = placement.memory, found.pools[placement.pool]
        parts = (memory.weights, memory.kv_cache, memory.state, memory.activations, memory.overhead, memory.free)
        assert min(parts) >= 0
        assert sum(parts) == memory.total
        assert pool.room(Demand.of(placement)) >= placement.replicas
        assert placement.devices_per_replica <= (asked.hardware.max_devices_per_replica or 1024)
        if placement.resource_name:
            assert memory.total == pool.device_memory_bytes
            assert placement.devices_per_replica <= pool.largest_node
    promised = [Reservation.of(p, "default") for p in answer.placements]
    left = total(inventory(*cluster, CATALOG, reserved=promised))
    devices = sum(p.replicas * p.devices_per_replica for p in answer.placements if p.resource_name)
    assert total(found) - left == devices
    assert with_replicas(answer, replicas, found).placements[0].pool == answer.placements[0].pool


@given(specs(), clusters())
@settings(max_examples=60)
def test_planning_again_beside_the_own_pods_changes_nothing(
    asked: DeploymentSpec, cluster: tuple[list[Object], list[Object]]
) -> None:
    nodes, pods = cluster
    answer = plan(asked, inventory(nodes, pods, CATALOG), CATALOG)
    if isinstance(answer, PlanFailure):
        return
    own = [made for placement in answer.placements for made in _bound(placement, inventory(nodes, pods, CATALOG))]
    assert plan(asked, inventory(nodes, pods + own, CATALOG, exclude=("default", "mine")), CATALOG) == answer


def _bound(placement: Placement, found: Inventory) -> list[Object]:
    """The placement's pods, bound as a scheduler could bind them."""
    demand, room = Demand.of(placement), list(found.pools[placement.pool].nodes)
    made: list[Object] = []
    for _ in range(placement.replicas):
        index = next(index for index, candidate in enumerate(room) if candidate.replicas(demand))
        room[index] = room[index].less(demand)
        requests = {"cpu": placement.cpu_request, "memory": placement.memory_request}
        if placement.resource_name:
            requests[placement.resource_name] = str(demand.devices)
        made.append(pod(room[index].name, requests, owner="mine"))
    return made


@given(specs(), clusters(), st.floats(1.0, 1.5))
@settings(max_examples=100)
def test_more_memory_never_takes_more_devices(
    asked: DeploymentSpec, cluster: tuple[list[Object], list[Object]], factor: float
) -> None:
    found = inventory(*cluster, CATALOG)
    # Within one step of the engine's table; at a step its reserve jumps, and that is the engine's doing.
    larger = {
        name: replace(pool, device_memory_bytes=_within_step(pool.device_memory_bytes, factor))
        for name, pool in found.pools.items()
    }
    before, after = plan(asked, found, CATALOG), plan(asked, Inventory(larger), CATALOG)
    if isinstance(before, PlanStatus) and len(before.placements) == 1:
        assert isinstance(after, PlanStatus)
        if before.placements[0].resource_name:
            assert devices(after) <= devices(before)


def devices(answer: PlanStatus) -> int:
    return sum(max(1, p.replicas) * p.devices_per_replica for p in answer.placements)


@st.composite
def one_pool(draw: st.DrawFn) -> list[Object]:
    made, product = draw(st.sampled_from(["gpu", "npu", "a3"])), draw(st.sampled_from(PRODUCTS))
    count = draw(st.integers(1, 8))
    return [_node(f"n{number}", made, product, count) for number in range(draw(st.integers(1, 4)))]


@given(specs(), one_pool(), st.integers(1, 64))
@settings(max_examples=100)
def test_more_requests_never_take_fewer_devices(asked: DeploymentSpec, nodes: list[Object], more: int) -> None:
    found = inventory(nodes, [], CATALOG)
    busier = asked.workload.model_copy(update={"concurrency": (asked.workload.concurrency or 1) + more})
    before, after = plan(asked, found, CATALOG), plan(asked.model_copy(update={"workload": busier}), found, CATALOG)
    if isinstance(after, PlanStatus):
        assert isinstance(before, PlanStatus)
        assert devices(after) >= devices(before)


@given(specs(), one_pool(), st.integers(1, 20_000))
@settings(max_examples=100)
def test_a_longer_context_never_takes_less(asked: DeploymentSpec, nodes: list[Object], more: int) -> None:
    found = inventory(nodes, [], CATALOG)
    model = CATALOG.models[asked.model.name]
    # What a request takes is the context, where the workload does not say how long requests are.
    open_ended = asked.model_copy(update={"workload": Workload(concurrency=asked.workload.concurrency)})
    context = (asked.model.context_length or model.native_context) + more
    longer = open_ended.model_copy(
        update={"model": asked.model.model_copy(update={"context_length": min(context, model.max_context)})}
    )
    before, after = plan(open_ended, found, CATALOG), plan(longer, found, CATALOG)
    if isinstance(after, PlanStatus) and isinstance(before, PlanStatus):
        assert devices(after) >= devices(before)
    if isinstance(before, PlanFailure) and before.reason == "NoFit":
        assert isinstance(after, PlanFailure)


@given(specs(), clusters(), st.sampled_from(list(Objective)), st.sampled_from([None, "100ms", "2s"]))
@settings(max_examples=100)
def test_every_candidate_is_chosen_or_rejected(
    asked: DeploymentSpec, cluster: tuple[list[Object], list[Object]], objective: Objective, target: str | None
) -> None:
    changed = asked.model_copy(
        update={"optimize_for": objective, "slo": ServiceLevel(time_to_first_token=target, percentile=90)}
    )
    found = evaluate(changed, inventory(*cluster, CATALOG), CATALOG)
    answer = found.answer
    if found.field is None:
        return
    reasons = Counter(str(judged.reason) for judged in found.candidates if judged.reason)
    assert dict(answer.rejected_counts) == reasons
    assert all(judged.number for judged in found.candidates)
    labels = [judged.label for judged in found.candidates]
    assert len(set(labels)) == len(labels)
    chosen = [judged for judged in found.candidates if judged.chosen]
    if isinstance(answer, PlanStatus):
        assert {judged.pool for judged in chosen} == {placement.pool for placement in answer.placements}
        assert answer.binding is not None
        for judged in chosen:
            assert judged.rating is not None
            assert judged.rating.excess <= 1
    else:
        assert chosen == []


@given(st.sampled_from(["Chat", "Reasoning", "Code"]), clusters(), st.sampled_from(list(Objective)))
@settings(max_examples=30)
def test_a_model_left_to_the_plan_is_as_good_as_asked(
    use_case: str, cluster: tuple[list[Object], list[Object]], objective: Objective
) -> None:
    floor = CATALOG.models["Qwen3-30B-A3B"].quality or 0
    model = {"source": LIBRARY, "useCase": use_case, "minimumQuality": "Qwen3-30B-A3B"}
    found = inventory(*cluster, CATALOG)
    answer = plan(spec("Auto", model=model, optimizeFor=objective.value), found, CATALOG)
    if isinstance(answer, PlanStatus):
        chosen = CATALOG.models[answer.model]
        assert use_case in chosen.use_cases
        assert (chosen.quality or 0) >= floor


def _within_step(memory: int, factor: float) -> int:
    """``memory`` times ``factor``, short of the next step of the engine's table and of the reserve's floor."""
    limits = [int(step.below) << 20 for step in CATALOG.engine.steps]
    limits += [int(CATALOG.engine.reserve.floor_above) << 20] if CATALOG.engine.reserve else []
    nearest = min((limit for limit in limits if limit > memory), default=memory + 1)
    return min(int(memory * factor), nearest - (1 << 20)) if nearest - (1 << 20) > memory else memory


def priced(found: Inventory, prices: list[str | None]) -> Inventory:
    """The inventory with prices given out in turn."""
    changed = {
        name: replace(pool, price_per_device_hour=Decimal(price) if price else None)
        for (name, pool), price in zip(found.pools.items(), prices * len(found.pools), strict=False)
    }
    return Inventory(changed, found.unused)


WORKS = {"CostsMore", "MoreDevices", "OtherPreferred", "LowerQuality", "PriceUnknown"}


@given(
    specs(),
    clusters(),
    st.lists(st.sampled_from([None, "1", "2.5", "4"]), min_size=1, max_size=4),
    st.sampled_from([None, "2", "10"]),
)
@settings(max_examples=100)
def test_nothing_possible_is_cheaper(
    asked: DeploymentSpec, cluster: tuple[list[Object], list[Object]], prices: list[str | None], budget: str | None
) -> None:
    hardware = asked.hardware.model_copy(update={"max_cost_per_hour": budget})
    found = evaluate(
        asked.model_copy(update={"hardware": hardware}), priced(inventory(*cluster, CATALOG), prices), CATALOG
    )
    if not isinstance(found.answer, PlanStatus):
        return
    if budget is not None:
        assert Decimal(found.answer.cost_per_hour) <= Decimal(budget)
    if len(found.assigned) > 1:
        return
    (chosen,) = [judged for judged in found.candidates if judged.chosen]
    possible = [judged for judged in found.candidates if str(judged.reason) in WORKS and not judged.on_cpu]
    if chosen.cost_per_hour is not None:
        assert all(judged.cost_per_hour is None or judged.cost_per_hour >= chosen.cost_per_hour for judged in possible)
    elif not chosen.on_cpu:
        assert all(judged.cost_per_hour is None for judged in possible)
        assert chosen.rating is not None
        assert all(judged.rating is None or judged.rating.devices >= chosen.rating.devices for judged in possible)
