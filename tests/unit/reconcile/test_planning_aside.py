"""Plans are made beside the event loop, and hold when they are promised."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from qwen3_operator import http
from qwen3_operator.reconcile import planner as module
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.sizing import plan
from tests.patience import HANG_SECONDS
from tests.unit.reconcile.test_planner import FIRST, SECOND, Lists, _node, deployment, planner, spec

if TYPE_CHECKING:
    from collections.abc import Iterator


class Thought:
    """The planner's own ``plan``, held up until it is let go on."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.count = threading.Event(), threading.Event(), 0

    def __call__(self, *arguments: Any) -> Any:
        found = plan(*arguments)
        self.count += 1
        self.begun.set()
        assert self.go_on.wait(HANG_SECONDS)
        return found


@pytest.fixture
def thought(monkeypatch: pytest.MonkeyPatch) -> Iterator[Thought]:
    slow = Thought()
    monkeypatch.setattr(module, "plan", slow)
    yield slow
    slow.go_on.set()


@pytest.fixture
def cache() -> Cache:
    cache = Cache()
    for key in (FIRST, SECOND):
        cache.put(Kind.QWEN3DEPLOYMENT, deployment(key))
    return cache


async def test_probes_answer_while_a_plan_is_made(cache: Cache, thought: Thought) -> None:
    app = http.application(lambda: True, lambda: True, lambda: None)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        answer = asyncio.create_task(planner(Lists(8), cache).answer(FIRST, spec(), {}))
        await asyncio.to_thread(thought.begun.wait, HANG_SECONDS)
        for path in ("/healthz", "/readyz", "/metrics"):
            async with session.get(server.make_url(path)) as probed:
                assert probed.status == 200
        assert not answer.done()
        thought.go_on.set()
        assert (await answer).plan is not None


async def test_room_that_is_lost_meanwhile_is_not_promised(cache: Cache, thought: Thought) -> None:
    lists = Lists(8)
    planning = planner(lists, cache)
    answer = asyncio.create_task(planning.answer(FIRST, spec(), {}))
    await asyncio.to_thread(thought.begun.wait, HANG_SECONDS)
    lists.nodes = [_node(8, "NVIDIA-H200", "143771")]
    planning.capacity_changed()
    thought.go_on.set()
    found = (await answer).plan
    assert found is not None
    assert (found.placements[0].pool, thought.count) == ("h200", 2)


async def test_a_change_that_takes_no_room_costs_no_second_plan(cache: Cache, thought: Thought) -> None:
    lists = Lists(8)
    planning = planner(lists, cache)
    answer = asyncio.create_task(planning.answer(FIRST, spec(), {}))
    await asyncio.to_thread(thought.begun.wait, HANG_SECONDS)
    lists.nodes = [_node(4)]
    planning.capacity_changed()
    thought.go_on.set()
    assert (await answer).plan is not None
    assert thought.count == 1


async def test_room_that_comes_meanwhile_is_looked_at(cache: Cache, thought: Thought) -> None:
    lists = Lists(0)
    planning = planner(lists, cache)
    answer = asyncio.create_task(planning.answer(FIRST, spec(), {}))
    await asyncio.to_thread(thought.begun.wait, HANG_SECONDS)
    assert planning.waiting == (FIRST,), "a change asks for another reconcile of what is planned now"
    lists.nodes = [_node(8)]
    planning.capacity_changed()
    thought.go_on.set()
    assert (await answer).failure is not None
    assert (await planning.answer(FIRST, spec(), {})).plan is not None


async def test_two_plans_at_a_time_do_not_take_the_same_devices(cache: Cache, thought: Thought) -> None:
    planning = planner(Lists(1), cache)
    answers = [asyncio.create_task(planning.answer(key, spec(), {})) for key in (FIRST, SECOND)]
    await asyncio.to_thread(thought.begun.wait, HANG_SECONDS)
    thought.go_on.set()
    found = await asyncio.gather(*answers)
    assert [answer.plan is not None for answer in found] == [True, False]
