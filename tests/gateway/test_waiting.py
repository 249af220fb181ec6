"""The queue over real sockets: caps, bounds, fairness, and models that sleep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.gateway.processes import MODEL, GatewayProcess, Stub, make_route, make_tenant
from tests.gateway.raw import call, chat_body, open_stream, wish
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_runtime.tenancy import Route

SLEEPING, NOWHERE = "qwen3-asleep", "qwen3-far"


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    started = Stub(tmp_path_factory.mktemp("stub"))
    yield started
    started.kill()


def routes(replica: Stub, *, awake: bool) -> list[Route]:
    return [
        make_route([replica.endpoint(max_in_flight=2)]),
        make_route([replica.endpoint()] if awake else [], name=SLEEPING, sleeping=not awake, wake_seconds=20),
        make_route([], name=NOWHERE, sleeping=True, wake_seconds=3000),
    ]


@pytest.fixture
def front(replica: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    models = (MODEL, SLEEPING, NOWHERE)
    tenants = [make_tenant("a", models=models), make_tenant("b", models=models)]
    started = GatewayProcess(
        tmp_path_factory.mktemp("front"), tenants, routes(replica, awake=False), "--max-wait-seconds=6"
    )
    yield started
    started.kill()


def test_in_flight_is_capped_waiting_is_bounded_and_a_burst_waits_for_itself(
    front: GatewayProcess, replica: Stub
) -> None:
    with ThreadPoolExecutor(40) as pool:
        burst = [pool.submit(call, front.url, body=chat_body(user=wish(first=0.3, who="burst"))) for _ in range(20)]
        until(lambda: front.metric("qwen3_gateway_waiting_requests", model=MODEL) > 0)
        arrived = front.metric("qwen3_gateway_requests_arrived_total", deployment_namespace="n", deployment="d")
        assert arrived > replica.totals()["requests"], "counted when they arrive here and not when a replica gets them"
        other = pool.submit(call, front.url, body=chat_body(user=wish(who="other")), tenant="b")
        assert other.result().status == 200
        # One of the burst at least is still not served: the other one did not wait for all of them.
        assert not all(one.done() for one in burst)
        assert [one.result().status for one in burst] == [200] * 20
    assert replica.totals()["most_in_flight"] <= 2
    assert front.metric("qwen3_gateway_queue_seconds_count", model=MODEL) == 21
    streams = [open_stream(front.url, max_tokens=1, user=wish(first=60)) for _ in range(2)]
    until(lambda: front.metric("qwen3_gateway_requests_in_flight", model=MODEL) == 2)
    answer = call(front.url, body=chat_body())
    assert (answer.status, answer.error["code"]) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    for stream in streams:
        stream.close()


def test_a_sleeping_model_holds_its_requests_until_it_wakes(front: GatewayProcess, replica: Stub) -> None:
    far = call(front.url, body=chat_body(model=NOWHERE))
    assert (far.status, far.error["code"], far.headers["retry-after"]) == (503, "model_starting", "3000")
    with ThreadPoolExecutor(2) as pool:
        bodies = [chat_body(model=SLEEPING), chat_body(model=SLEEPING, stream=True)]
        held = [pool.submit(call, front.url, body=body) for body in bodies]
        until(lambda: front.metric("qwen3_gateway_waiting_requests", model=SLEEPING) == 2)
        front.set_routes(routes(replica, awake=True))
        assert [one.result().status for one in held] == [200, 200]
