from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_operator.api.deployment import DeploymentSpec, ThinkingDefault, ThinkingSpec
from qwen3_operator.inventory import Demand
from qwen3_operator.manifests.names import PLACEMENT_LABEL
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import Listing
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.planner import Planner
from tests.unit.inventory.objects import pod, quota
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


def _node(gpus: int, product: str = "NVIDIA-H100-80GB-HBM3", memory: str = "81559") -> dict[str, Any]:
    labels = {
        "kubernetes.io/arch": "amd64",
        "nvidia.com/gpu.product": product,
        "nvidia.com/gpu.memory": memory,
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


def open_spec() -> DeploymentSpec:
    """The spec without a number of replicas."""
    return spec().model_copy(update={"replicas": None})


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


def _quota(hard: int, used: int, version: int, namespace: str = "team-a") -> dict[str, Any]:
    gpus = "requests.nvidia.com/gpu"
    found = quota({gpus: str(hard)}, {gpus: str(used)}, namespace=namespace)
    found["metadata"] |= {"uid": namespace, "resourceVersion": str(version)}
    return found


async def test_a_quota_is_shared_with_what_others_of_the_namespace_were_promised(cache: Cache) -> None:
    third = Key("team-a", "third")
    cache.put(Kind.QWEN3DEPLOYMENT, deployment(third))
    cache.put(Kind.RESOURCE_QUOTA, _quota(2, 0, 1))
    cache.put(Kind.RESOURCE_QUOTA, _quota(1, 1, 1, "team-b"))
    planning = planner(Lists(8), cache)
    assert (await planning.answer(FIRST, spec(2), {})).plan is not None
    refused = await planning.answer(third, spec(), {})
    assert refused.failure is not None
    assert refused.failure.reason == "NoFit"
    words = "ResourceQuota devices of namespace team-a leaves 0 of 2 nvidia.com/gpu; needs 1"
    assert words in refused.failure.message
    blocked = await planning.answer(SECOND, spec(), {})
    assert blocked.failure is not None
    assert "of namespace team-b leaves 0 of 1" in blocked.failure.message
    assert planning.waiting == (third, SECOND)
    cache.put(Kind.RESOURCE_QUOTA, _quota(3, 0, 2))
    planning.capacity_changed()
    assert (await planning.answer(third, spec(), {})).plan is not None


async def test_pods_that_wait_for_a_node_are_counted_by_the_quota_and_not_twice(cache: Cache) -> None:
    third, lists = Key("team-a", "third"), Lists(8)
    cache.put(Kind.QWEN3DEPLOYMENT, deployment(third))
    planning = planner(lists, cache)
    assert (await planning.answer(FIRST, spec(2), {})).plan is not None
    waiting = pod("", {"nvidia.com/gpu": "1"}, owner=FIRST.name, namespace=FIRST.namespace, phase="Pending")
    waiting["metadata"]["labels"][PLACEMENT_LABEL] = "h100-80gb-hbm3"
    lists.pods = [waiting, waiting]
    cache.put(Kind.RESOURCE_QUOTA, _quota(3, 2, 1))
    planning.capacity_changed()
    assert (await planning.answer(third, spec(), {})).plan is not None
    assert (await planning.room(FIRST)).quotas.cap(9, "nvidia.com/gpu", Demand(1, 0, 0)) == 2


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


async def test_a_field_without_effect_beside_a_plan_in_force(cache: Cache) -> None:
    planning, plain = planner(Lists(1), cache), spec(name="Qwen3-4B-Thinking-2507")
    running = await planning.answer(FIRST, plain, {})
    changed = plain.model_copy(update={"thinking": ThinkingSpec(default=ThinkingDefault.DISABLED)})
    answer = await planning.answer(FIRST, changed, {})
    assert answer.plan == running.plan is not None
    assert answer.failure is not None
    assert answer.failure.reason == "ThinkingUnsupported"
    assert (await planning.answer(FIRST, plain, {})).failure is None


async def test_scaling_keeps_the_shape(cache: Cache) -> None:
    planning = planner(Lists(8), cache)
    one = (await planning.answer(FIRST, spec(1), {})).plan
    three = (await planning.answer(FIRST, spec(3), {})).plan
    assert one is not None
    assert three is not None
    assert [placement.replicas for placement in three.placements] == [3]
    assert three.placements[0].tensor_parallel == one.placements[0].tensor_parallel


async def test_replicas_left_open_keep_what_runs_unless_nothing_does(cache: Cache) -> None:
    planning = planner(Lists(8), cache)
    three = (await planning.answer(FIRST, spec(3), {})).plan
    assert (await planning.answer(FIRST, open_spec(), {})).plan == three
    await planning.answer(FIRST, spec(0), {})
    again = (await planning.answer(FIRST, open_spec(), {})).plan
    assert again is not None
    assert [placement.replicas for placement in again.placements] == [1]


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


async def test_a_wish_for_a_new_plan_is_acted_on_once(cache: Cache) -> None:
    lists = Lists(8)
    planning = planner(lists, cache)
    first = await planning.answer(FIRST, spec(), {})
    assert first.replanned == ""
    lists.nodes = [_node(8, "NVIDIA-H200", "143771")]
    planning.capacity_changed()
    kept = await planning.answer(FIRST, spec(), {})
    assert kept.plan == first.plan
    wished = await planning.answer(FIRST, spec(), {}, "1")
    assert wished.plan is not None
    assert wished.plan.placements[0].pool == "h200"
    assert wished.replanned == "1"
    lists.nodes = [_node(8)]
    planning.capacity_changed()
    again = await planning.answer(FIRST, spec(), {}, "1")
    assert again == wished
    status = {"plan": wished.plan.to_json(), "replanned": "1"}
    after_restart = await planner(lists, cache).answer(FIRST, spec(), status, "1")
    assert after_restart == wished
    other = await planning.answer(FIRST, spec(), status, "2")
    assert other.plan is not None
    assert (other.plan.placements[0].pool, other.replanned) == ("h100-80gb-hbm3", "2")


async def test_a_wish_that_cannot_be_met_takes_nothing_away(cache: Cache) -> None:
    lists = Lists(8)
    planning = planner(lists, cache)
    first = await planning.answer(FIRST, spec(), {})
    lists.nodes = []
    planning.capacity_changed()
    found = await planning.answer(FIRST, spec(), {}, "now")
    assert (found.plan, found.failure, found.replanned) == (first.plan, None, "now")
    assert planning.waiting == ()


async def test_accelerator_pools_count(cache: Cache) -> None:
    pool = {
        "metadata": {"name": "mine", "uid": "m", "resourceVersion": "1", "generation": 1},
        "spec": {"nodeSelector": {"kubernetes.io/arch": "amd64"}, "images": {"SGLang": "runtime:1"}},
    }
    cache.put(Kind.ACCELERATOR_POOL, pool)
    found = await planner(Lists(8), cache).answer(FIRST, spec(), {})
    assert found.plan is not None
    assert (found.plan.placements[0].pool, found.plan.placements[0].image) == ("mine", "runtime:1")


async def test_another_catalog_is_for_new_plans(cache: Cache) -> None:
    planning = planner(Lists(8), cache)
    first = await planning.answer(FIRST, spec(), {})
    assert (await planning.answer(SECOND, spec(name="Qwen3-99B"), {})).failure is not None
    row = CATALOG.models["Qwen3-32B"].model_copy(update={"name": "Qwen3-99B"})
    planning.use(replace(CATALOG, version="other", models={**CATALOG.models, row.name: row}))
    assert (await planning.answer(FIRST, spec(), {})).plan == first.plan
    second = await planning.answer(SECOND, spec(name="Qwen3-99B"), {})
    assert second.plan is not None
    assert second.plan.catalog_version == "other"


async def test_a_list_that_a_change_overtook_is_not_kept(cache: Cache) -> None:
    lists = Lists(8)
    planning = planner(lists, cache)
    ask = lists.list

    async def overtaken(kind: Kind, **more: Any) -> Listing:
        planning.capacity_changed()
        return await ask(kind, **more)

    lists.list = overtaken  # type: ignore[method-assign]
    await planning.room(FIRST, 30.0)
    lists.list = ask  # type: ignore[method-assign]
    lists.nodes = []
    assert (await planning.room(FIRST, 30.0)).pools == {}
    reads = lists.count
    await planning.room(SECOND, 30.0)
    assert lists.count == reads


async def test_the_autoscalers_number_stands_for_the_specs_and_outlives_a_new_plan(cache: Cache) -> None:
    planning = planner(Lists(8), cache)
    first = (await planning.answer(FIRST, spec(1), {})).plan
    assert first is not None
    pool = first.placements[0].pool
    scaled = (await planning.answer(FIRST, spec(1), {}, scale=lambda _: {pool: 4})).plan
    assert scaled is not None
    assert [placement.replicas for placement in scaled.placements] == [4]
    renewed = (await planning.answer(FIRST, spec(1, contextLength=8192), {}, scale=lambda _: {pool: 4})).plan
    assert renewed is not None
    assert renewed.spec_digest != scaled.spec_digest
    assert [placement.replicas for placement in renewed.placements] == [4]
    by_hand = (await planning.answer(FIRST, spec(2, contextLength=8192), {})).plan
    assert by_hand is not None
    assert [placement.replicas for placement in by_hand.placements] == [2]
