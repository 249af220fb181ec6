"""The queue over real sockets: caps, bounds, fairness, and models that sleep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.gateway.processes import MODEL, GatewayProcess, Stub, make_route, make_tenant
from tests.gateway.raw import call, chat_body, open_stream, wish
from tests.patience import HANG_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from socket import socket

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


@contextmanager
def started(folder: Path, replica: Stub, max_wait_seconds: float) -> Iterator[GatewayProcess]:
    models = (MODEL, SLEEPING, NOWHERE)
    tenants = [make_tenant("a", models=models), make_tenant("b", models=models)]
    patience = f"--max-wait-seconds={max_wait_seconds}"
    gateway = GatewayProcess(folder, tenants, routes(replica, awake=False), patience)
    try:
        yield gateway
    finally:
        gateway.kill()
        until(lambda: replica.totals()["in_flight"] == 0)


@pytest.fixture
def front(replica: Stub, tmp_path: Path) -> Iterator[GatewayProcess]:
    with started(tmp_path, replica, HANG_SECONDS) as gateway:
        yield gateway


@pytest.fixture
def impatient(replica: Stub, tmp_path: Path) -> Iterator[GatewayProcess]:
    with started(tmp_path, replica, 1) as gateway:
        yield gateway


def occupy(gateway: GatewayProcess) -> list[socket]:
    """Streams that hold both places at the replica until they are closed."""
    streams = [open_stream(gateway.url, max_tokens=1, user=wish(first=10 * HANG_SECONDS)) for _ in range(2)]
    until(lambda: gateway.metric("qwen3_gateway_requests_in_flight", model=MODEL) == 2)
    return streams


def wait_for_waiting(gateway: GatewayProcess, number: int, model: str = MODEL) -> None:
    until(lambda: gateway.metric("qwen3_gateway_waiting_requests", model=model) == number)


def test_in_flight_is_capped_and_a_burst_waits_for_itself(front: GatewayProcess, replica: Stub) -> None:
    streams = occupy(front)
    until(lambda: replica.totals()["in_flight"] == 2)
    before = replica.totals()["requests"]
    with ThreadPoolExecutor(40) as pool:
        burst = [pool.submit(call, front.url, body=chat_body(user=wish(first=0.05, who="burst"))) for _ in range(20)]
        wait_for_waiting(front, 20)
        arrived = front.metric("qwen3_gateway_requests_arrived_total", deployment_namespace="n", deployment="d")
        assert arrived == 22, "counted when they arrive here and not when a replica gets them"
        other = pool.submit(call, front.url, body=chat_body(user=wish(who="other")), tenant="b")
        wait_for_waiting(front, 21)
        for stream in streams:
            stream.close()
        assert [one.result().status for one in (*burst, other)] == [200] * 21
    totals = replica.totals()
    assert totals["most_in_flight"] <= 2
    served = [who for who, _ in totals["arrivals"][before:]]
    assert len(served) == 21
    assert served[-1] == "burst", "the other one did not wait for all of them"
    assert front.metric("qwen3_gateway_queue_seconds_count", model=MODEL) == 23


def test_waiting_is_bounded(impatient: GatewayProcess) -> None:
    streams = occupy(impatient)
    answer = call(impatient.url, body=chat_body())
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
        wait_for_waiting(front, 2, SLEEPING)
        front.set_routes(routes(replica, awake=True))
        assert [one.result().status for one in held] == [200, 200]
