from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from typing_extensions import override

from qwen3_operator.api.deployment import ThinkingDefault, ThinkingSpec
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.planner import Planner
from qwen3_operator.reconcile.preview import LISTED_SECONDS, Preview
from qwen3_operator.sizing import PlanFailure
from tests.unit.reconcile.samples import CATALOG
from tests.unit.reconcile.test_planner import FIRST, SECOND, Clock, Lists, deployment, spec

if TYPE_CHECKING:
    from qwen3_operator.reconcile.client import Client, Listing

NEW = Key("team-c", "new")


def preview(lists: Any, cache: Cache | None = None, clock: Clock | None = None) -> Preview:
    """On a replica that does not lead: its planner has planned nothing."""
    client, clock = cast("Client", lists), clock or Clock()
    planner = Planner(client, cache or Cache(), CATALOG, clock)
    return Preview(client, lambda: CATALOG, planner.reserved, clock)


async def test_says_what_the_planner_would_say() -> None:
    lists = Lists(8)
    found = await preview(lists)(*NEW, spec(), {})
    answer = await Planner(cast("Client", lists), Cache(), CATALOG, Clock()).answer(NEW, spec(), {})
    assert isinstance(found, PlanStatus)
    assert found == answer.plan


async def test_no_fit() -> None:
    found = await preview(Lists(0))(*NEW, spec(), {})
    assert isinstance(found, PlanFailure)


async def test_what_others_were_promised_is_not_free() -> None:
    lists, cache = Lists(1), Cache()
    leader = Planner(cast("Client", lists), cache, CATALOG, Clock())
    plan = (await leader.answer(FIRST, spec(), {})).plan
    assert plan is not None
    cache.put(Kind.QWEN3DEPLOYMENT, {**deployment(FIRST), "status": {"plan": plan.to_json()}})
    look = preview(lists, cache)
    assert isinstance(await look(*NEW, spec(), {}), PlanFailure)
    assert isinstance(await look(*FIRST, spec(contextLength=4096), {}), PlanStatus), "its own promise is its own"


async def test_a_plan_that_changes_on_the_leader_changes_here() -> None:
    lists, cache = Lists(1), Cache()
    leader = Planner(cast("Client", lists), cache, CATALOG, Clock())
    plan = (await leader.answer(FIRST, spec(), {})).plan
    assert plan is not None
    first = deployment(FIRST)
    cache.put(Kind.QWEN3DEPLOYMENT, {**first, "status": {"plan": plan.to_json()}})
    look = preview(lists, cache)
    assert isinstance(await look(*NEW, spec(), {}), PlanFailure)
    newer = {**first, "metadata": {**first["metadata"], "resourceVersion": "2"}}
    cache.put(Kind.QWEN3DEPLOYMENT, newer)
    assert isinstance(await look(*NEW, spec(), {}), PlanStatus)


async def test_a_plan_in_force_is_kept_and_costs_no_list() -> None:
    lists = Lists(8)
    look = preview(lists)
    plan = await look(*FIRST, spec(), {})
    assert isinstance(plan, PlanStatus)
    reads, lists.nodes = lists.count, []
    assert await preview(lists)(*FIRST, spec(), {"plan": plan.to_json()}) == plan
    assert lists.count == reads


async def test_a_field_without_effect_beside_a_plan_in_force() -> None:
    look, plain = preview(Lists(8)), spec(name="Qwen3-4B-Thinking-2507")
    plan = await look(*FIRST, plain, {})
    assert isinstance(plan, PlanStatus)
    changed = plain.model_copy(update={"thinking": ThinkingSpec(default=ThinkingDefault.DISABLED)})
    found = await look(*FIRST, changed, {"plan": plan.to_json()})
    assert isinstance(found, PlanFailure)
    assert "always thinks" in found.message


async def test_applies_of_one_moment_share_a_list() -> None:
    lists, clock = Lists(8), Clock()
    look = preview(lists, clock=clock)
    await asyncio.gather(*(look(*key, spec(), {}) for key in (FIRST, SECOND, NEW)))
    assert lists.count == 2
    clock.now = LISTED_SECONDS / 2
    await look(*NEW, spec(), {})
    assert lists.count == 2
    clock.now = 2 * LISTED_SECONDS
    await look(*NEW, spec(), {})
    assert lists.count == 4


class Slow(Lists):
    """Lists when it is let."""

    def __init__(self) -> None:
        super().__init__(8)
        self.go = asyncio.Event()
        self.broken = False

    @override
    async def list(self, kind: Kind, **more: Any) -> Listing:
        await self.go.wait()
        if self.broken:
            raise ConnectionError
        return await super().list(kind, **more)


async def test_a_list_that_is_too_late_for_one_serves_the_next() -> None:
    lists = Slow()
    look = preview(lists)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await look(*NEW, spec(), {})
    lists.go.set()
    assert isinstance(await look(*NEW, spec(), {}), PlanStatus)
    assert lists.count == 2


async def test_after_a_failed_list_the_next_one_is_tried() -> None:
    lists = Slow()
    lists.broken = True
    lists.go.set()
    look = preview(lists)
    with pytest.raises(ConnectionError):
        await look(*NEW, spec(), {})
    lists.broken = False
    assert isinstance(await look(*NEW, spec(), {}), PlanStatus)
