"""The few answers of an API server that the commands ask for, over real HTTP, and a kubeconfig for it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Object = dict[str, Any]
GROUP = "/apis/serving.qwen3.io/v1alpha1"
_LOCAL = "127.0.0.1"


class ApiServer:
    """Holds objects by path of their collection."""

    def __init__(self, collections: dict[str, list[Object]]) -> None:
        self.collections = collections
        self.patches: list[Object] = []
        self.forbidden: set[str] = set()
        self.obeys = True
        """Whether a replan wish is answered, as the operator answers it."""

    async def answer(self, request: web.Request) -> web.Response:
        """GET a collection, PATCH an object."""
        if request.headers.get("Authorization") != "Bearer secret":
            return web.json_response({"message": "Unauthorized"}, status=401)
        if request.method == "PATCH":
            return web.json_response(self._patched(await request.json()))
        namespace, path = "", request.path
        if path.startswith(f"{GROUP}/namespaces/"):
            namespace, plural = path.removeprefix(f"{GROUP}/namespaces/").split("/")
            path = f"{GROUP}/{plural}"
        if path in self.forbidden:
            return web.json_response({"message": "forbidden"}, status=403)
        if path not in self.collections:
            return web.json_response({"message": "the server could not find the requested resource"}, status=404)
        items = [item for item in self.collections[path] if namespace in ("", item["metadata"].get("namespace"))]
        return web.json_response({"items": items, "metadata": {"resourceVersion": "1"}})

    def _patched(self, body: Object) -> Object:
        self.patches.append(body)
        found = self.collections[f"{GROUP}/qwen3deployments"][0]
        if self.obeys:
            found["status"]["replanned"] = body["metadata"]["annotations"]["serving.qwen3.io/replan"]
        return found


@contextmanager
def serving(server: ApiServer, folder: Path) -> Iterator[str]:
    """Serve in a thread; yields the path of a kubeconfig whose context ``here`` has the namespace ``team``."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    port: list[int] = []

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, _LOCAL, 0)
        await site.start()
        port.append(runner.addresses[0][1])
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    try:
        yield _kubeconfig(folder, f"http://{_LOCAL}:{port[0]}")
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _kubeconfig(folder: Path, url: str) -> str:
    path = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [
            {"name": "c", "cluster": {"server": url}},
            {"name": "gone", "cluster": {"server": "http://127.0.0.1:9"}},
        ],
        "users": [{"name": "u", "user": {"token": "secret"}}, {"name": "stranger", "user": {"token": "wrong"}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}},
            {"name": "stranger", "context": {"cluster": "c", "user": "stranger"}},
            {"name": "gone", "context": {"cluster": "gone", "user": "u"}},
        ],
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return str(path)
