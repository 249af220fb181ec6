"""A model that wakes: who comes meanwhile waits as long as who woke it."""

from __future__ import annotations

import asyncio

from qwen3_runtime.gateway.dispatch import Dispatcher, Patience
from qwen3_runtime.gateway.estimate import Estimate
from qwen3_runtime.gateway.lateness import Lateness
from qwen3_runtime.tenancy import Endpoint
from tests.gateway.processes import make_route, make_tenant

BUSY_SECONDS = 0.05


async def test_a_request_during_the_start_waits_for_it() -> None:
    model = Dispatcher(make_route([], sleeping=True), Patience(busy=BUSY_SECONDS, sleeping=60.0))
    model.update(make_route([], sleeping=True))
    model.update(make_route([]))  # a replica is wanted, and not there yet
    arrived = asyncio.get_running_loop().time()
    request = asyncio.ensure_future(model.acquire(make_tenant("a"), Estimate(1, 1), 1.0, arrived))
    await asyncio.wait((request,), timeout=4 * BUSY_SECONDS)
    assert not request.done()
    model.update(make_route([Endpoint(address="127.0.0.1:1", placement="cpu", max_in_flight=1)]))
    assert (await request).in_flight == 1
    assert not model.is_asleep
    model.update(make_route([]))
    assert not model.is_asleep, "it did not sleep since: its replicas failed"


async def test_who_cannot_be_in_time_as_replicas_are_now_goes_last() -> None:
    endpoint = Endpoint(address="127.0.0.1:1", placement="p", max_in_flight=1, prompt_tokens_per_second=1000.0)
    route = make_route([endpoint], first_token_target_seconds=2.0)
    model = Dispatcher(route, Patience(busy=60.0, sleeping=60.0))
    model.update(route)
    now, long, short = asyncio.get_running_loop().time(), Estimate(1500, 1), Estimate(500, 1)
    for _ in range(100):
        model.note_first(short, 1.2)  # the plan says 0.5
    running = await model.acquire(make_tenant("a"), short, 1.0, now)
    first, second = (asyncio.ensure_future(model.acquire(make_tenant("a"), one, 1.0, now)) for one in (long, short))
    await asyncio.sleep(0)
    model.release(running, 1.0)
    await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED)
    assert (first.done(), second.done()) == (False, True)
    model.release(await second, 1.0)
    await first


def test_the_margin_is_what_most_take_longer_than_planned() -> None:
    lateness = Lateness()
    for number in range(200):
        lateness.add(0.3 if number % 2 else 0.1)
    assert 0.3 < lateness.margin < 0.5
    for _ in range(200):
        lateness.add(-1.0)
    assert lateness.margin == 0.0
