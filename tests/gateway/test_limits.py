"""Limits over real sockets and a real Valkey that three gateways share, and the ledger beside the engines' totals."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.gateway.limits import shared as module
from qwen3_runtime.gateway.limits.local import LocalStore
from qwen3_runtime.gateway.limits.shared import SharedStore
from qwen3_runtime.gateway.limits.types import Store, Tokens
from qwen3_runtime.tenancy import LimitName, Quota, TenantLimits
from tests.gateway.processes import MODEL, GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import CHAT, Answer, call, chat_body, open_stream, wish
from tests.gateway.valkey_server import ValkeyServer
from tests.patience import HANG_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUESTS = 10_000
CLIENTS = 24


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    started = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    yield started
    started.kill()


@pytest.fixture(autouse=True)
def _patient_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: a store that this machine keeps waiting is not gone."""
    monkeypatch.setattr(module, "ANSWER_SECONDS", HANG_SECONDS)


@pytest.mark.parametrize("kind", ["local", "shared"])
async def test_both_stores_count_alike(kind: str, valkey: ValkeyServer) -> None:
    shared = SharedStore(valkey.url)
    await shared._beat()
    store: Store = shared if kind == "shared" else LocalStore()
    limits = TenantLimits(
        requests_per_minute=4, input_tokens_per_minute=100, output_tokens_per_minute=50, concurrent_requests=2
    )
    tenant = make_tenant(f"counts-{kind}", limits=limits, quota=Quota(tokens_per_day=140))
    first, one = await store.reserve(tenant, Tokens(60, 20))
    assert first.remaining == {
        LimitName.REQUESTS_PER_MINUTE: 3,
        LimitName.INPUT_TOKENS_PER_MINUTE: 40,
        LimitName.OUTPUT_TOKENS_PER_MINUTE: 30,
    }
    assert (await store.reserve(tenant, Tokens(50, 0)))[0].refused is LimitName.INPUT_TOKENS_PER_MINUTE
    assert (await store.reserve(tenant, Tokens(0, 31)))[0].refused is LimitName.OUTPUT_TOKENS_PER_MINUTE
    second, two = await store.reserve(tenant, Tokens(10, 10))
    assert second.refused is None
    assert (await store.reserve(tenant, Tokens(1, 1)))[0].refused is LimitName.CONCURRENT_REQUESTS
    store.settle(one, Tokens(30, 5))
    store.settle(two, Tokens(20, 10))
    await shared.flush()
    usage = {one.name: one.used for one in await store.usage(tenant)}
    assert list(usage.values()) == [2, 50, 15, 0, 65, 65]
    assert (await store.reserve(tenant, Tokens(40, 36)))[0].refused is LimitName.OUTPUT_TOKENS_PER_MINUTE
    assert (await store.reserve(tenant, Tokens(45, 31)))[0].refused is LimitName.TOKENS_PER_DAY
    third, _ = await store.reserve(tenant, Tokens(1, 1))
    assert third.refused is None
    await store.reserve(tenant, Tokens(1, 1))
    minute, _ = await store.reserve(make_tenant(f"counts-{kind}", limits=limits), Tokens(1, 1))
    assert minute.refused in {LimitName.REQUESTS_PER_MINUTE, LimitName.CONCURRENT_REQUESTS}
    assert minute.retry_seconds <= 61
    await shared.close()


async def test_what_a_dead_gateway_held_is_free_and_a_booking_counts_once(valkey: ValkeyServer) -> None:
    dead, alive = SharedStore(valkey.url), SharedStore(valkey.url)
    await dead._beat()
    tenant = make_tenant("dead", limits=TenantLimits(concurrent_requests=1))
    await dead.reserve(tenant, Tokens(1, 1))
    assert (await alive.reserve(tenant, Tokens(1, 1)))[0].refused is LimitName.CONCURRENT_REQUESTS
    await dead._client.zadd("qwen3-gateway:alive", {dead._gateway: 1})
    await alive._beat()
    standing, reservation = await alive.reserve(tenant, Tokens(1, 1))
    assert standing.refused is None
    alive.settle(reservation, Tokens(5, 5))
    await alive.flush()
    booked = alive._batches
    pending = (tenant.name, (alive._gateway, booked, 1, 1, 2, 4, 5, 10, "2026-01-01", "2026-01"))
    alive._bookings[booked] = pending
    await alive.flush()
    assert {one.name: one.used for one in await alive.usage(tenant)}[LimitName.TOKENS_PER_DAY] == 10
    await dead.close()
    await alive.close()


def test_three_gateways_keep_one_limit_and_valkey_may_go_and_come(tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path / "valkey", durable=True)
    stub = Stub(tmp_path)
    limited = make_tenant("a", limits=TenantLimits(requests_per_minute=90, output_tokens_per_minute=10_000))
    quota = make_tenant("b", limits=TenantLimits(concurrent_requests=500), quota=Quota(tokens_per_month=10**9))
    gateways = [
        GatewayProcess(tmp_path / str(n), [limited, quota], [make_route([stub.endpoint()])], f"--store={server.url}")
        for n in range(3)
    ]
    try:
        asked = _burst(gateways, 180)
        assert {one.status for one in asked} == {200, 429}
        assert _most_in_a_minute(asked) <= 90
        work = sum(gateway.metric("qwen3_gateway_requests_arrived_total") for gateway in gateways)
        assert work == sum(one.status == 200 for one in asked), "what a limit refuses needs no replica"
        refused = next(one.answer for one in asked if one.status == 429)
        assert refused.error["code"] == "rate_limit_exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        served = _ask(gateways, 6)
        until(lambda: _used(gateways[0], "b") == served)
        server.kill()
        served += _ask(gateways, 6)
        assert max(gateway.metric("qwen3_gateway_store_away") for gateway in gateways) == 1
        alone = _burst(gateways, 120)
        assert {one.status for one in alone} <= {200, 429}
        assert _most_in_a_minute([*asked, *alone]) <= 90, "three thirds of the limit, what was used before included"
        server = ValkeyServer(tmp_path / "valkey", server.port, durable=True)
        until(lambda: _used(gateways[0], "b") == served)
        until(lambda: sum(gateway.metric("qwen3_gateway_store_away") for gateway in gateways) == 0)
    finally:
        for process in (*gateways, stub, server):
            process.kill()


@dataclass(frozen=True)
class Asked:
    sent: float
    answered: float
    answer: Answer

    @property
    def status(self) -> int:
        return self.answer.status


def _burst(gateways: list[GatewayProcess], count: int) -> list[Asked]:
    """Requests of tenant ``a`` in turns, twelve at once."""

    def ask(number: int) -> Asked:
        sent = time.monotonic()
        answer = call(gateways[number % len(gateways)].url, body=chat_body())
        return Asked(sent, time.monotonic(), answer)

    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(ask, range(count)))


def _most_in_a_minute(asked: list[Asked]) -> int:
    """Requests let in that surely lie within one minute, whenever exactly each was let in."""
    good = [one for one in asked if one.status == 200]
    return max(
        (sum(one.sent >= first.sent and one.answered <= first.sent + 60 for one in good) for first in good), default=0
    )


def _ask(gateways: list[GatewayProcess], count: int) -> int:
    """Tokens that tenant ``b`` used."""
    answers = [call(gateways[n % 3].url, body=chat_body(), tenant="b") for n in range(count)]
    return sum(int(answer.json["usage"]["total_tokens"]) for answer in answers)


def _used(gateway: GatewayProcess, tenant: str) -> int:
    report = json.loads(gateway.read("/usage"))
    (found,) = (one for one in report["tenants"] if one["tenant"] == tenant)
    assert found["lastUsedAt"]
    return int(next(limit["used"] for limit in found["limits"] if limit["name"] == "tokensPerMonth"))


def test_the_ledger_adds_up_to_the_engines_totals_through_aborts_and_a_kill(tmp_path: Path) -> None:
    stub, cut = Stub(tmp_path), Stub(tmp_path, "cut")
    tenants = [make_tenant("a", models=(MODEL, "cut")), make_tenant("b", quota=Quota(tokens_per_month=10**12))]
    routes = [make_route([stub.endpoint()]), make_route([cut.endpoint()], name="cut")]
    gateway = GatewayProcess(tmp_path / "g", tenants, routes)
    try:
        streams = [open_stream(gateway.url, model="cut", max_tokens=10_000, user=wish(token=0.002)) for _ in range(50)]
        asyncio.run(_load(gateway, REQUESTS))
        seen = sum(stream.recv(1 << 20).count(b"data: ") for stream in streams)
        for stream in streams:
            stream.close()
        until(lambda: cut.totals()["in_flight"] == 0)
        until(lambda: stub.totals()["in_flight"] == 0)
        until(lambda: gateway.metric("qwen3_gateway_requests_in_flight") == 0)
        gateway.kill()
        gateway = GatewayProcess(tmp_path / "g", tenants, routes)
        every = json.loads(gateway.read("/ledger"))
        of_cut = [row for row in every if row["model"] == "cut"]
        assert sum(row["requests"] for row in of_cut) == 50
        # At least what the clients have read, at most what the engine has made and one last event each.
        assert seen <= sum(row["answer"] for row in of_cut) <= cut.totals()["answer"] + 50
        rows = [row for row in every if row["model"] == MODEL]
        totals = stub.totals()
        assert sum(row["requests"] for row in rows) == totals["requests"] == REQUESTS
        assert sum(row["prompt"] for row in rows) == totals["prompt"]
        assert sum(row["answer"] for row in rows) == totals["answer"]
        mine = sum(row["prompt"] + row["answer"] for row in rows if row["tenant"] == "b")
        assert _month(gateway, "b") == mine, "quotas survive a kill"
        csv = gateway.read("/ledger.csv").decode()
        assert csv.splitlines()[0] == "day,tenant,model,requests,prompt,cached,thinking,answer"
    finally:
        for process in (gateway, stub, cut):
            process.kill()


def _month(gateway: GatewayProcess, tenant: str) -> int:
    report = json.loads(gateway.read("/usage"))
    (found,) = (one for one in report["tenants"] if one["tenant"] == tenant)
    return int(found["limits"][-1]["used"])


async def _load(gateway: GatewayProcess, count: int) -> None:
    """Whole answers and streams, all read to their end, over connections that stay."""
    numbers = iter(range(count))
    host, port = gateway.url.removeprefix("http://").split(":")

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in numbers:
            stream = number % 5 == 0
            body = json.dumps(chat_body(stream=stream, max_tokens=1 + number % 7, metadata={"n": "x" * (number % 90)}))
            key = key_of("a" if number % 3 else "b")
            head = (
                f"POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            writer.write((head + body).encode())
            headers = await reader.readuntil(b"\r\n\r\n")
            assert headers.startswith(b"HTTP/1.1 200")
            if stream:
                await reader.readuntil(b"0\r\n\r\n")
            else:
                length = int(headers.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
