"""What is followed and what is written, with a client that only answers."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from typing_extensions import override

from qwen3_operator.reconcile import management
from qwen3_operator.reconcile.client import ApiError, Listing
from qwen3_operator.tenancy import follow, usage
from qwen3_operator.tenancy.files import SECRET, GatewayFiles
from qwen3_operator.tenancy.follow import Follower
from qwen3_runtime.tenancy import KEY_MIN_CHARACTERS, Routes, Tenants
from tests.patience import HANG_SECONDS
from tests.unit.manifests.samples import settings
from tests.unit.tenancy.given import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

Events = list[dict[str, Any]]


def named(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **fields}


class Server:
    """Answers LIST and watch with what it is given, GET and apply from what it holds."""

    def __init__(self, listed: list[Events], watched: list[Events]) -> None:
        self.listed = listed
        self.watched = watched
        self.objects: dict[str, dict[str, Any]] = {}
        self.applied: list[dict[str, Any]] = []
        self.fields: list[str | None] = []
        self.silent = asyncio.Event()

    async def list_resource(self, *_: Any, fields: str | None = None, **__: Any) -> Listing:
        self.fields.append(fields)
        return Listing(self.listed.pop(0), "7")

    async def follow(self, *arguments: Any, **__: Any) -> None:
        take: Callable[[dict[str, Any]], None] = arguments[3]
        if not self.watched:
            self.silent.set()
            await asyncio.Event().wait()
        for event in self.watched.pop(0):
            take(event)

    async def find(self, path: str) -> dict[str, Any] | None:
        return self.objects.get(path)

    async def apply_at(self, path: str, manifest: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.applied.append(manifest)
        self.objects[path] = manifest
        return manifest


async def followed(server: Server) -> tuple[Follower[str], int]:
    """A follower when the server has nothing more to say, and how often it called."""
    calls: list[None] = []
    follower: Follower[str] = Follower(
        server,  # type: ignore[arg-type]
        SECRET,
        "qwen3-system",
        lambda obj: str(obj.get("word", "")),
        lambda: calls.append(None),
        fields="type=x",
    )
    task = asyncio.create_task(follower.run())
    await server.silent.wait()
    task.cancel()
    return follower, len(calls)


async def test_a_list_then_every_change() -> None:
    changes = [
        {"type": "ADDED", "object": named("b", word="two")},
        {"type": "MODIFIED", "object": named("a", word="new")},
        {"type": "BOOKMARK", "object": named("c", word="no")},
        {"type": "DELETED", "object": named("b")},
    ]
    server = Server([[named("a", word="one")], [named("a", word="last")]], [changes])
    follower, calls = await followed(server)
    assert follower.objects == {"a": "last"}
    assert calls == 5, "two lists and three changes; a bookmark is none"
    assert server.fields == ["type=x", "type=x"]


async def test_a_watch_that_is_too_old_begins_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_RETRY_SECONDS", 2 * HANG_SECONDS)
    error = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
    server = Server([[named("a", word="one")], [named("b", word="two")]], [[error]])
    follower, _ = await asyncio.wait_for(followed(server), HANG_SECONDS)
    assert follower.objects == {"b": "two"}
    assert follower.read.is_set()


async def test_what_a_write_answered_is_known_at_once() -> None:
    follower, _ = await followed(Server([[named("a", word="one")]], []))
    follower.put(named("a", word="two"))
    follower.put(named("gone", word="three"))
    assert follower.objects == {"a": "two"}


async def test_the_gateways_objects_are_written_where_they_differ() -> None:
    server, found = Server([], []), compiled()
    files = GatewayFiles(server, settings(QWEN3_FULL_NAME="q3"))  # type: ignore[arg-type]
    await files.write(found)
    routes, tenants = server.applied
    assert (routes["kind"], routes["metadata"]["name"]) == ("ConfigMap", "q3-gateway-routes")
    assert (tenants["kind"], tenants["metadata"]["name"]) == ("Secret", "q3-gateway-tenants")
    assert Routes.model_validate_json(routes["data"]["routes.json"]) == found.routes
    assert Tenants.model_validate_json(base64.b64decode(tenants["data"]["tenants.json"])) == found.tenants
    await files.write(found)
    files.doubt()
    await files.write(found)
    await GatewayFiles(server, settings(QWEN3_FULL_NAME="q3")).write(found)  # type: ignore[arg-type]
    assert len(server.applied) == 2, "neither again, nor in doubt, nor by a new process"
    server.objects.clear()
    files.doubt()
    await files.write(found)
    assert len(server.applied) == 4, "what somebody took away is written again"


def _token(server: Server) -> str:
    (secret,) = (one for one in server.objects.values() if one["kind"] == "Secret")
    return base64.b64decode(secret["data"]["usage-token"]).decode()


async def test_the_usage_token_is_made_once_kept_and_made_anew_where_it_was_taken_away() -> None:
    server, found = Server([], []), compiled()
    files = GatewayFiles(server, settings(QWEN3_FULL_NAME="q3"))  # type: ignore[arg-type]
    waiting = asyncio.create_task(files.usage_token())
    await files.write(found)
    first = _token(server)
    assert await waiting == first
    assert len(first) >= KEY_MIN_CHARACTERS
    later = GatewayFiles(server, settings(QWEN3_FULL_NAME="q3"))  # type: ignore[arg-type]
    await later.write(found)
    assert await later.usage_token() == first, "a new process takes over what is there"
    (secret,) = (one for one in server.objects.values() if one["kind"] == "Secret")
    del secret["data"]["usage-token"]
    later.doubt()
    await later.write(found)
    assert await later.usage_token() == _token(server) != first


async def test_the_gateway_is_asked_with_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers.get("authorization"))
        return web.json_response({"tenants": [{"tenant": "acme"}]})

    app = web.Application()
    app.router.add_get("/usage", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(management, "MANAGEMENT_PORT", runner.addresses[0][1])
    changed = asyncio.Event()
    poller = usage.UsagePoller(_Pods(), "qwen3-system", _known_token, changed.set)  # type: ignore[arg-type]
    task = asyncio.create_task(poller.run())
    await asyncio.wait_for(changed.wait(), HANG_SECONDS)
    task.cancel()
    await runner.cleanup()
    assert asked == ["Bearer the-token"]
    assert poller.view("acme") is not None
    assert poller.ready == {"gateway": datetime(2026, 11, 24, 12, 1, tzinfo=UTC).timestamp()}


async def _known_token() -> str:
    return "the-token"


class _Pods:
    """One ready gateway, and one that starts."""

    async def list(self, *_: Any, **__: Any) -> Listing:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-24T12:01:00Z"}
        pod = named("gateway", status={"podIP": "127.0.0.1", "conditions": [ready]})
        starting = named("gateway-2", status={"podIP": "127.0.0.2", "conditions": [ready | {"status": "False"}]})
        for one in (pod, starting):
            one["metadata"]["creationTimestamp"] = "2026-11-24T12:00:00Z"
        return Listing([starting, pod], "7")


async def test_what_was_not_written_is_written_the_next_time() -> None:
    class Refusing(Server):
        @override
        async def apply_at(self, path: str, manifest: dict[str, Any], **_: Any) -> dict[str, Any]:
            if not self.applied:
                self.applied.append(manifest)
                raise ApiError(500, "not now")
            return await super().apply_at(path, manifest)

    server, found = Refusing([], []), compiled()
    files = GatewayFiles(server, settings(QWEN3_FULL_NAME="q3"))  # type: ignore[arg-type]
    with pytest.raises(ApiError):
        await files.write(found)
    await files.write(found)
    assert [one["kind"] for one in server.applied] == ["ConfigMap", "ConfigMap", "Secret"]
    assert json.loads(server.applied[1]["data"]["routes.json"])["models"]
