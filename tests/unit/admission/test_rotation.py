"""The loop against an API server that keeps what it is given, a real TLS server, and a clock of ours."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.admission import rotation
from qwen3_operator.admission.certificates import OVERLAP
from qwen3_operator.admission.rotation import Rotation
from qwen3_operator.admission.server import Server
from tests.patience import HANG_SECONDS
from tests.unit.admission.given import CONFIGURATION, HOST, NOW, SECRET, ApiServer, days, pieces, shaken, store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from qwen3_operator.admission.certificates import Certificates


class Replica:
    """One operator pod."""

    def __init__(self, api: ApiServer, *, leads: bool) -> None:
        self.now: datetime = NOW
        self.leads = leads
        self.server = Server(_unasked, 0, "127.0.0.1")
        self.serving = asyncio.Event()
        self.rotation = Rotation(store(api), HOST, leads=lambda: self.leads, serve=self._serve, now=lambda: self.now)
        self.api = api

    async def _serve(self, certificates: Certificates) -> None:
        await self.server.serve(certificates)
        self.serving.set()

    async def shaken(self) -> bytes:
        """As the API server does it: with the bundle of the configuration."""
        return await shaken(self.server.port, self.api.bundle)


async def _unasked(*_: Any) -> Any:
    raise AssertionError("nobody asks")


@pytest.fixture
def api() -> ApiServer:
    return ApiServer()


@contextlib.asynccontextmanager
async def replica(api: ApiServer, *, leads: bool = True) -> AsyncIterator[Replica]:
    made = Replica(api, leads=leads)
    try:
        yield made
    finally:
        await made.server.close()


async def test_from_an_empty_secret_to_a_handshake(api: ApiServer) -> None:
    async with replica(api) as leader:
        assert await leader.rotation.look(), "look again soon"
        assert leader.server.port == 0
        assert api.writes == [CONFIGURATION, SECRET], "trusted before it is there to be served"
        assert not await leader.rotation.look()
        await leader.shaken()
        assert not await leader.rotation.look()
        assert len(api.writes) == 2, "nothing to do, nothing written"


async def test_a_follower_serves_and_writes_nothing(api: ApiServer) -> None:
    async with replica(api, leads=False) as follower, replica(api) as leader:
        assert await follower.rotation.look(), "nothing to serve yet"
        await leader.rotation.look()
        writes = len(api.writes)
        assert not await follower.rotation.look()
        await follower.shaken()
        follower.now = NOW + days(70)
        await follower.rotation.look()
        assert len(api.writes) == writes


async def test_rotation_is_never_seen_by_the_api_server(api: ApiServer) -> None:
    async with replica(api) as leader, replica(api, leads=False) as follower:
        leader.now = NOW - days(61)  # handshakes happen now, when the first certificate has 29 days left
        await leader.rotation.look()
        await leader.rotation.look()
        await follower.rotation.look()
        old = await leader.shaken()

        leader.now = NOW
        assert await leader.rotation.look(), "due"
        assert len(list(pieces(api.bundle))) == 2
        assert await leader.shaken() == await follower.shaken() == old

        await leader.rotation.look()
        new = await leader.shaken()
        assert new != old
        assert await follower.shaken() == old, "trusted still"
        await follower.rotation.look()
        assert await follower.shaken() == new

        leader.now += OVERLAP / 2
        await leader.rotation.look()
        assert len(list(pieces(api.bundle))) == 2
        leader.now += OVERLAP
        await leader.rotation.look()
        assert len(list(pieces(api.bundle))) == 1
        assert await follower.shaken() == new


async def test_a_new_leader_finishes_a_rotation(api: ApiServer) -> None:
    async with replica(api) as first, replica(api, leads=False) as second:
        first.now = NOW - days(61)
        await first.rotation.look()
        await first.rotation.look()
        await second.rotation.look()
        first.now, api.refused = NOW, SECRET
        with pytest.raises(PermissionError):
            await first.rotation.look()
        await second.shaken()
        api.refused, first.leads, second.leads = None, False, True
        assert await second.rotation.look()
        await second.rotation.look()
        await first.rotation.look()
        assert await first.shaken() == await second.shaken()


@pytest.mark.parametrize("leads_again", [True, False])
async def test_a_deleted_secret_comes_back(api: ApiServer, leads_again: bool) -> None:  # noqa: FBT001
    async with replica(api) as leader, replica(api, leads=False) as follower:
        for one in (leader, leader, follower):
            await one.rotation.look()
        before = await follower.shaken()
        del api.objects[SECRET]
        if leads_again:
            await leader.rotation.look()
            assert await follower.shaken() == before, "what runs goes on serving"
            await leader.rotation.look()
            await follower.rotation.look()
            assert await follower.shaken() == await leader.shaken() != before
        else:
            assert not await follower.rotation.look()
            assert await follower.shaken() == before


async def test_garbage_in_the_secret_is_replaced_and_never_served(api: ApiServer) -> None:
    async with replica(api) as leader:
        for _ in range(2):
            await leader.rotation.look()
        before = await leader.shaken()
        api.objects[SECRET]["data"]["tls.key"] = base64.b64encode(b"garbage").decode()
        await leader.rotation.look()
        assert await leader.shaken() == before
        await leader.rotation.look()
        assert await leader.shaken() != before


async def test_a_bundle_that_somebody_changed_is_mended(api: ApiServer) -> None:
    async with replica(api) as leader:
        for _ in range(2):
            await leader.rotation.look()
        api.objects[CONFIGURATION]["webhooks"][0]["clientConfig"] = {"service": {"name": "webhook"}}
        with pytest.raises((ssl.SSLError, ValueError)):
            await leader.shaken()
        await leader.rotation.look()
        await leader.shaken()


async def test_without_a_webhook_there_are_no_certificates(api: ApiServer) -> None:
    del api.objects[CONFIGURATION]
    async with replica(api) as leader:
        with pytest.raises(LookupError, match=r"plan\.serving\.qwen3\.io is missing"):
            await leader.rotation.look()
        assert api.writes == []


async def test_two_leaders_do_not_write_over_each_other(api: ApiServer) -> None:
    stale = await store(api).read()
    async with replica(api) as leader:
        await leader.rotation.look()
        made = (await store(api).read()).certificates
        assert made is not None
        with pytest.raises(RuntimeError, match="409"):
            await store(api).write(made, stale.resource_version)


async def test_the_loop_goes_on_after_a_failure_and_says_it_once(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rotation, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(rotation, "SOON_SECONDS", 0.01)
    api.refused = SECRET
    async with replica(api) as leader:
        loop = asyncio.create_task(leader.rotation.run())
        async with asyncio.timeout(HANG_SECONDS):
            while api.refusals < 3:  # noqa: ASYNC110 - a count of calls has no event
                await asyncio.sleep(0.01)
        assert [record.__dict__["reason"] for record in caplog.records if record.levelname == "WARNING"] == [
            f"PermissionError('{SECRET}')"
        ]
        api.refused = None
        async with asyncio.timeout(HANG_SECONDS):
            await leader.serving.wait()
        await leader.shaken()
        loop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loop
