"""A model that wakes: who comes meanwhile waits as long as who woke it."""

from __future__ import annotations

import asyncio

from qwen3_runtime.gateway.dispatch import Dispatcher, Patience
from qwen3_runtime.gateway.estimate import Estimate
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
