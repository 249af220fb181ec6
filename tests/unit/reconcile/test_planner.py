from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import Listing
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.planner import Planner
from tests.unit.reconcile.samples import CATALOG

if TYPE_CHECKING:
    from qwen3_operator.reconcile.client import Client

FIRST, SECOND = Key("team-a", "first"), Key("team-b", "second")


class Lists:
    """Answers LIST and counts."""

    def __init__(self, gpus: int) -> None:
        self.nodes = [_node(gpus)]
        self.pods: list[dict[str, Any]] = []
        self.count = 0

    async def list(self, kind: Kind, **_: Any) -> Listing:
        self.count += 1
        return Listing(self.nodes if kind is Kind.NODE else self.pods, "1")


def _node(gpus: int) -> dict[str, Any]:
    labels = {
        "kubernetes.io/arch": "amd64",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
        "nvidia.com/gpu.memory": "81559",
    }
    allocatable = {"cpu": "96", "memory": "1Ti", "pods": "200", "nvidia.com/gpu": str(gpus)}
    conditions = [{"type": "Ready", "status": "True"}]
    return {
        "metadata": {"name": "h100-0", "labels": labels},
        "spec": {},
        "status": {"allocatable": allocatable, "conditions": conditions},
    }


def spec(replicas: int = 1, **model: Any) -> DeploymentSpec:
    source = {"persistentVolumeClaim": {"claimName": "w"}}
    return DeploymentSpec.model_validate(
        {"replicas": replicas, "model": {"name": "Qwen3-32B", "quantization": "FP8", "source": source, **model}}
    )


def deployment(key: Key) -> dict[str, Any]:
    metadata = {"namespace": key.namespace, "name": key.name, "uid": key.name, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def cache() -> Cache:
    cache = Cache()
    for key in (FIRST, SECOND):
        cache.put(Kind.QWEN3DEPLOYMENT, deployment(key))
    return cache


def planner(lists: Lists, cache: Cache, clock: Clock | None = None) -> Planner:
    return Planner(cast("Client", lists), cache, CATALOG, clock or Clock())


async def test_a_plan_is_kept_and_costs_no_further_reads(cache: Cache) -> None:
    lists = Lists(8)
    planning = planner(lists, cache)
    first = await planning.answer(FIRST, spec(), {})
    assert first.plan is not None
    reads = lists.count
    lists.nodes = []
    again = await planning.answer(FIRST, spec(), {})
    after_restart = await planner(lists, cache).answer(FIRST, spec(), {"plan": first.plan.to_json()})
    assert again.plan == after_restart.plan == first.plan
    assert lists.count == reads


async def test_what_is_promised_to_one_is_not_given_to_another(cache: Cache) -> None:
    planning = planner(Lists(1), cache)
    assert (await planning.answer(FIRST, spec(), {})).plan is not None
    refused = await planning.answer(SECOND, spec(), {})
    assert refused.plan is None
    assert refused.failure is not None
    assert refused.failure.reason == "NoFit"
    assert planning.waiting == (SECOND,)


async def test_a_failure_is_remembered_until_there_is_new_room(cache: Cache) -> None:
    lists = Lists(0)
    planning = planner(lists, cache)
    assert (await planning.answer(FIRST, spec(), {})).failure is not None
    reads = lists.count
    lists.nodes = [_node(8)]
    assert (await planning.answer(FIRST, spec(), {})).failure is not None
    assert lists.count == reads
    planning.capacity_changed()
    assert (await planning.answer(FIRST, spec(), {})).plan is not None
    assert planning.waiting == ()


async def test_a_failed_change_keeps_the_plan_that_runs(cache: Cache) -> None:
    planning = planner(Lists(1), cache)
    running = await planning.answer(FIRST, spec(), {})
    changed = await planning.answer(FIRST, spec(name="Qwen3-235B-A22B"), {})
    assert changed.failure is not None
    assert changed.plan == running.plan
    back = await planning.answer(FIRST, spec(), {})
    assert (back.plan, back.failure) == (running.plan, None)
    assert planning.waiting == ()


async def test_scaling_keeps_the_shape(cache: Cache) -> None:
    planning = planner(Lists(8), cache)
    one = (await planning.answer(FIRST, spec(1), {})).plan
    three = (await planning.answer(FIRST, spec(3), {})).plan
    assert one is not None
    assert three is not None
    assert [placement.replicas for placement in three.placements] == [3]
    assert three.placements[0].tensor_parallel == one.placements[0].tensor_parallel


async def test_a_deleted_deployment_frees_what_it_was_promised(cache: Cache) -> None:
    clock = Clock()
    planning = planner(Lists(1), cache, clock)
    await planning.answer(FIRST, spec(), {})
    cache.remove(Kind.QWEN3DEPLOYMENT, deployment(FIRST))
    planning.forget(FIRST)
    assert (await planning.answer(SECOND, spec(), {})).plan is not None


async def test_plans_of_one_moment_share_a_list_and_later_ones_do_not(cache: Cache) -> None:
    lists, clock = Lists(8), Clock()
    planning = planner(lists, cache, clock)
    await planning.answer(FIRST, spec(), {})
    await planning.answer(SECOND, spec(), {})
    assert lists.count == 2
    clock.now = 10.0
    await planning.answer(SECOND, spec(name="Qwen3-14B"), {})
    assert lists.count == 4


async def test_a_plan_of_another_form_is_made_anew(cache: Cache) -> None:
    planned = await planner(Lists(8), cache).answer(FIRST, spec(), {"plan": {"model": "Qwen3-32B"}})
    assert planned.plan is not None
