from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from qwen3_operator.api.scaling import Scaling, ScalingMode
from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.freshness import Freshness
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.planner import Planner
from tests.unit.reconcile.samples import CATALOG
from tests.unit.reconcile.test_planner import FIRST, Clock, Lists, _node, deployment, spec

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.client import Client


class Stage:
    """One deployment that is planned, and what is asked of it."""

    def __init__(self) -> None:
        self.lists, self.clock, self.cache = Lists(8), Clock(), Cache()
        self.asked: list[Key] = []
        self.planner = Planner(cast("Client", self.lists), self.cache, CATALOG, self.clock)
        self.freshness = Freshness(self.cache, self.planner, lambda key, _: self.asked.append(key), self.clock)

    async def plan(self) -> PlanStatus:
        self.cache.put(Kind.QWEN3DEPLOYMENT, {**deployment(FIRST), "spec": spec().to_json()})
        return await self.plan_of(spec())

    async def plan_of(self, wanted: DeploymentSpec) -> PlanStatus:
        answer = await self.planner.answer(FIRST, wanted, {})
        assert answer.plan is not None
        return answer.plan


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_verdict_is_told_when_it_changes(stage: Stage) -> None:
    current = await stage.plan()
    assert stage.freshness.view(FIRST, current) is None
    await stage.freshness._look(FIRST)
    found = stage.freshness.view(FIRST, current)
    assert found is not None
    assert (found.reason, stage.asked) == ("Current", [FIRST])
    await stage.freshness._look(FIRST)
    assert stage.asked == [FIRST]
    stage.lists.nodes = [_node(8, "NVIDIA-H200", "143771")]
    stage.planner.capacity_changed()
    await stage.freshness._look(FIRST)
    found = stage.freshness.view(FIRST, current)
    assert found is not None
    assert (found.status, found.reason) == (ConditionStatus.TRUE, "PoolGone")
    assert stage.asked == [FIRST, FIRST]


async def test_replicas_that_scaling_asked_for_are_not_taken_for_waste(stage: Stage) -> None:
    automatic = spec(1).model_copy(update={"scaling": Scaling(mode=ScalingMode.AUTO, max_replicas=8)})
    stage.cache.put(Kind.QWEN3DEPLOYMENT, {**deployment(FIRST), "spec": automatic.to_json()})
    pool = (await stage.plan_of(automatic)).placements[0].pool
    answer = await stage.planner.answer(FIRST, automatic, {}, scale=lambda _: {pool: 3})
    assert answer.plan is not None
    assert answer.plan.placements[0].replicas == 3
    await stage.freshness._look(FIRST)
    found = stage.freshness.view(FIRST, answer.plan)
    assert found is not None
    assert found.reason == "Current"


async def test_a_verdict_is_of_one_plan(stage: Stage) -> None:
    current = await stage.plan()
    await stage.freshness._look(FIRST)
    other = current.model_copy(update={"summary": "another"})
    assert stage.freshness.view(FIRST, other) is None
    stage.freshness.forget(FIRST)
    assert stage.freshness.view(FIRST, current) is None


async def test_each_plan_is_looked_at_once_a_minute_at_most(stage: Stage) -> None:
    await stage.plan()
    stage.freshness.world_changed()
    assert stage.freshness._queue._schedule.next_due() == 5.0
    stage.clock.now = 10.0
    assert stage.freshness._queue._schedule.pop(10.0) == FIRST
    await stage.freshness._look(FIRST)
    stage.freshness._queue.done(FIRST)
    stage.clock.now = 20.0
    stage.freshness.world_changed()
    stage.freshness.world_changed()
    assert stage.freshness._queue._schedule.next_due() == 70.0
    assert len(stage.freshness._queue) == 1


async def test_looks_of_one_time_share_a_list(stage: Stage) -> None:
    await stage.plan()
    reads = stage.lists.count
    stage.clock.now = 10.0
    await stage.freshness._look(FIRST)
    stage.clock.now = 25.0
    await stage.freshness._look(FIRST)
    assert stage.lists.count == reads, "nothing changed since the LIST of the plan"
    stage.planner.capacity_changed()
    await stage.freshness._look(FIRST)
    assert stage.lists.count == reads + 2


async def test_a_spec_without_a_plan_of_its_own_is_passed_over(stage: Stage) -> None:
    current = await stage.plan()
    changed = {**deployment(FIRST), "spec": spec(contextLength=4096).to_json()}
    changed["metadata"] = {**changed["metadata"], "resourceVersion": "2"}
    stage.cache.put(Kind.QWEN3DEPLOYMENT, changed)
    await stage.freshness._look(FIRST)
    assert stage.freshness.view(FIRST, current) is None
