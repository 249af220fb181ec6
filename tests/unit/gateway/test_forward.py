"""Which replica is asked next, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.gateway import errors, forward, replicas
from qwen3_runtime.gateway.call import Call
from qwen3_runtime.gateway.dispatch import Dispatcher, Patience
from qwen3_runtime.gateway.estimate import Estimate
from qwen3_runtime.gateway.forward import Forward
from qwen3_runtime.gateway.metrics import Metrics
from qwen3_runtime.gateway.operations import CHAT, OPERATIONS
from qwen3_runtime.gateway.record import Record
from qwen3_runtime.gateway.relay import Relay
from qwen3_runtime.server.errors import ErrorAnswer, adapter_changing, model_not_found, not_ready
from qwen3_runtime.server.traffic import InterruptedRequestError
from qwen3_runtime.tenancy import Endpoint
from tests.gateway.processes import make_route, make_tenant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

CHANGING = adapter_changing("law")
LACKS = model_not_found("law", ["chat"])
FINE = ErrorAnswer(200, "", "as if it were an answer")


class Replica:
    """Says one thing after the other, the last one for good."""

    def __init__(self, *says: ErrorAnswer) -> None:
        self._says = list(says)
        self.asked = 0
        self.connections: list[asyncio.Task[None]] = []

    def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.create_task(self._answer(reader, writer)))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(BODY))
            said = self._says.pop(0) if len(self._says) > 1 else self._says[0]
            self.asked += 1
            body = said.body()
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (said.status, len(body), body))
        writer.close()
        await writer.wait_closed()


BODY = b'{"model": "law"}'


@contextmanager
def closed_ports(number: int) -> Iterator[list[int]]:
    """Ports that refuse connections, and that nobody else is given."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        yield [one.getsockname()[1] for one in taken]


def dispatcher(ports: Iterable[int], busy: float = 60.0) -> Dispatcher:
    """Of one model, whose replicas listen at these ports or should."""
    endpoints = [Endpoint(address=f"127.0.0.1:{port}", placement="p", max_in_flight=4) for port in ports]
    route = make_route(endpoints, adapters=("law",))
    model = Dispatcher(route, Patience(busy=busy, sleeping=60.0))
    model.update(route)
    return model


@asynccontextmanager
async def served(*replicas: Replica) -> AsyncIterator[Dispatcher]:
    servers = [await asyncio.start_server(replica.connect, "127.0.0.1", 0) for replica in replicas]
    model = dispatcher([server.sockets[0].getsockname()[1] for server in servers])
    yield model
    model.update(make_route([]))
    await asyncio.gather(*(connection for replica in replicas for connection in replica.connections))
    for server in servers:
        server.close()
        await server.wait_closed()


async def ask(model: Dispatcher) -> Record:
    async def send(message: Any) -> None:
        del message

    record = Record("id")
    call = Call("law", BODY, stream=False, text_bytes=9, max_output_tokens=1, hide_usage=False)
    relay, estimate, operation = Relay(send, record), Estimate(1, 1), OPERATIONS[CHAT]
    await Forward(make_tenant("a"), operation, call, estimate, 2.0, model, (), relay, record, Metrics()).run()
    return record


async def test_an_adapter_that_one_replica_exchanges_is_asked_for_at_another() -> None:
    changing, other = Replica(CHANGING), Replica(FINE)
    async with served(changing, other) as model:
        for _ in range(4):
            assert (await ask(model)).code == 200
        now = asyncio.get_running_loop().time()
        assert all(replica.takes(now) for replica in model.replicas), "it answers for the model and other adapters"
        assert not any(replica.in_flight for replica in model.replicas)
    assert changing.asked
    assert other.asked == 4


async def test_the_only_replica_is_asked_again_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "CHANGING_SECONDS", 0.2)
    async with served(Replica(CHANGING, FINE)) as model:
        record = await ask(model)
    assert record.code == 200
    assert record.elapsed() >= 0.2


async def test_where_the_exchange_takes_longer_the_client_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "CHANGING_SECONDS", 0.01)
    async with served(Replica(CHANGING), Replica(CHANGING)) as model:
        with pytest.raises(InterruptedRequestError) as caught:
            await ask(model)
    assert caught.value.answer == CHANGING


async def test_a_replica_that_is_not_ready_gets_nothing_for_a_while() -> None:
    async with served(Replica(not_ready("Starting")), Replica(not_ready("Starting"))) as model:
        with pytest.raises(InterruptedRequestError) as caught:
            await ask(model)
        now = asyncio.get_running_loop().time()
        assert not any(replica.takes(now) for replica in model.replicas)
    assert caught.value.answer == errors.REPLICAS_FAILED


async def test_an_adapter_is_found_at_the_only_replica_that_has_it() -> None:
    """More replicas than a request may have attempts lack it: they are well, and a 404 costs them nothing."""
    lacking, has = [Replica(LACKS) for _ in range(3)], Replica(FINE)
    async with served(*lacking, has) as model:
        assert [(await ask(model)).code for _ in range(4)] == [200] * 4
        now = asyncio.get_running_loop().time()
        assert all(replica.takes(now) for replica in model.replicas)
        assert not any(replica.in_flight for replica in model.replicas)
    assert has.asked == 4
    assert all(replica.asked <= 1 for replica in lacking), "what was just found is known to the next request"


async def test_where_no_replica_has_the_adapter_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "CHANGING_SECONDS", 0.01)
    async with served(Replica(LACKS), Replica(LACKS), Replica(LACKS)) as model:
        with pytest.raises(InterruptedRequestError) as caught:
            await ask(model)
    assert (caught.value.answer.status, caught.value.answer.code) == (404, "model_not_found")


async def test_where_the_one_that_has_the_adapter_is_full_nobody_is_told_that_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forward, "CHANGING_SECONDS", 0.01)
    has = Replica(FINE)
    async with served(Replica(LACKS), has) as model:
        full = list(model.replicas)[1]
        full.in_flight = full.endpoint.max_in_flight
        with pytest.raises(InterruptedRequestError) as caught:
            await ask(model)
        full.in_flight = 0
    assert (caught.value.answer.status, caught.value.answer.code) == (503, "overloaded")
    assert "adapter `law`" in caught.value.answer.message
    assert has.asked == 0


async def test_any_number_of_replicas_that_accept_no_connection_are_passed_by() -> None:
    """Ports that nobody listens at are what a node's NetworkPolicy makes of every replica's for a new gateway pod."""
    fine = Replica(FINE)
    async with served(fine) as model:
        [here] = model.route.endpoints
        with closed_ports(4) as ports:
            gone = [Endpoint(address=f"127.0.0.1:{port}", placement="p", max_in_flight=9) for port in ports]
            model.update(make_route([*gone, here]))
            assert (await ask(model)).code == 200
            now = asyncio.get_running_loop().time()
            assert [replica.takes(now) for replica in model.replicas] == [False] * 4 + [True]
    assert fine.asked == 1


async def test_the_only_replica_that_accepts_no_connection_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "OUT_SECONDS", 0.1)
    fine = Replica(FINE)
    with closed_ports(1) as [port]:
        model = dispatcher([port])
        asked = asyncio.create_task(ask(model))
        await asyncio.sleep(0.35)  # through three refusals: more than a request may have attempts
    server = await asyncio.start_server(fine.connect, "127.0.0.1", port)
    assert (await asked).code == 200
    model.update(make_route([]))
    await asyncio.gather(*fine.connections)
    server.close()
    await server.wait_closed()


async def test_no_request_goes_from_one_silent_replica_to_the_next_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "UNREACHED_SECONDS", 0.0)
    with closed_ports(2) as ports:
        model = dispatcher(ports)
        with pytest.raises(InterruptedRequestError) as caught:
            await ask(model)
        assert sum(replica.failures for replica in model.replicas) == 1
    assert caught.value.answer == errors.UNREACHED


async def test_replicas_that_accept_no_connection_are_waited_for_as_long_as_a_busy_one() -> None:
    with closed_ports(2) as ports:
        model = dispatcher(ports, busy=0.3)
        with pytest.raises(InterruptedRequestError) as caught:
            await ask(model)
    assert caught.value.answer.status == 503
    assert not any(replica.in_flight for replica in model.replicas)
