"""The gateway inside the test's own process, so that its garbage can be looked at."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from qwen3_runtime.gateway.gateway import Gateway
from qwen3_runtime.gateway.settings import read_settings
from qwen3_runtime.server.listen import free_port
from qwen3_runtime.tenancy import Routes, Tenants
from tests.garbage import collected
from tests.gateway.processes import Stub, key_of, make_route, make_tenant
from tests.gateway.raw import CHAT, chat_body
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Any


@asynccontextmanager
async def serving(stub: Stub, folder: Path) -> AsyncIterator[str]:
    """Base URL of a gateway in this loop."""
    (folder / "tenants.json").write_text(Tenants(tenants=(make_tenant("a"),)).model_dump_json(by_alias=True))
    (folder / "routes.json").write_text(Routes(models=(make_route([stub.endpoint()]),)).model_dump_json(by_alias=True))
    port = free_port()
    files = [f"--tenants={folder / 'tenants.json'}", f"--routes={folder / 'routes.json'}"]
    gateway = Gateway(read_settings([f"--port={port}", "--management-port=0", f"--ledger={folder / 'ledger'}", *files]))
    stop = asyncio.Event()
    running = asyncio.create_task(gateway.run(stop))
    async with asyncio.timeout(HANG_SECONDS):
        while not gateway.is_ready:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    await running


@pytest.mark.parametrize("body", [chat_body(), chat_body(stream=True)], ids=["whole", "stream"])
async def test_an_answered_request_leaves_none(stub: Stub, tmp_path: Path, body: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {key_of('a')}"}
    async with serving(stub, tmp_path) as url, aiohttp.ClientSession(url, headers=headers) as client:
        with collected() as garbage:
            for _ in range(5):
                async with client.post(CHAT, json=body) as answer:
                    assert answer.status == 200
                    await answer.read()
        assert garbage == {}
