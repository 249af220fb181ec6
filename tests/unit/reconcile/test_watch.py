"""kopf itself against a server that answers as an API server does when a watched kind goes away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.watch import Watch
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

POD = {"metadata": {"name": "a", "namespace": "b"}}
VERBS = ["list", "watch", "patch", "create"]
RESOURCES = [
    {"name": name, "kind": kind, "singularName": kind.lower(), "namespaced": kind != "Namespace", "verbs": VERBS}
    for name, kind in (("pods", "Pod"), ("events", "Event"), ("namespaces", "Namespace"))
]


def kubeconfig(url: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "stub",
            "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "stub"}}],
            "clusters": [{"name": "stub", "cluster": {"server": url}}],
            "users": [{"name": "stub", "user": {"token": "stub"}}],
        }
    )


def application() -> web.Application:
    """Lists pods once; has never heard of them when they are to be watched."""

    async def pods(request: web.Request) -> web.Response:
        if "watch" in request.query:
            return web.Response(status=404, text="404 page not found")
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [POD]})

    def answers(body: dict[str, Any]) -> Any:
        async def answer(_: web.Request) -> web.Response:
            return web.json_response(body)

        return answer

    app = web.Application()
    app.router.add_get("/api", answers({"versions": ["v1"]}))
    app.router.add_get("/apis", answers({"groups": []}))
    app.router.add_get("/api/v1", answers({"groupVersion": "v1", "resources": RESOURCES}))
    app.router.add_get("/api/v1/pods", pods)
    return app


async def test_a_watch_that_fails_for_good_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[str] = []
    async with TestServer(application()) as server:
        path = tmp_path / "kubeconfig"
        path.write_text(kubeconfig(str(server.make_url("/"))))
        monkeypatch.setenv("KUBECONFIG", str(path))
        watch = Watch(
            lambda _kind, _type, obj: seen.append(obj["metadata"]["name"]),
            asyncio.get_running_loop(),
            namespaces=(),
            identity="test",
            kinds=[Kind.POD],
        )
        watch.start()
        await asyncio.wait_for(watch.ended, HANG_SECONDS)
        await asyncio.to_thread(watch.join, HANG_SECONDS)
    assert seen == ["a"]
    assert not watch.is_alive()
