"""OpenAI's own client for Node, which takes answers and streams apart by code of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import EMBED
from tests.gateway.processes import MODEL, GatewayProcess, Stub, key_of
from tests.gateway.raw import wish
from tests.kind import cache
from tests.patience import HANG_SECONDS, until

HERE = Path(__file__).parent / "node"
TOWN = {"name": "weather", "arguments": {"town": "Köln"}}


@pytest.fixture(scope="module")
def modules() -> Path:
    """What package-lock.json pins, by its hashes; nothing of it runs while it is installed."""
    lock = HERE / "package-lock.json"
    home = cache.folder("node") / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    if not home.exists():
        with cache.atomic_folder(home) as folder:
            for file in (lock, HERE / "package.json"):
                shutil.copy(file, folder)
            install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(install, cwd=folder, check=True, timeout=HANG_SECONDS)
    return home / "node_modules"


@pytest.fixture(scope="module")
def seen(modules: Path, gateway: GatewayProcess) -> dict[str, Any]:
    environment = os.environ | {
        "NODE_PATH": str(modules),
        "GATEWAY_URL": f"{gateway.url}/v1",
        "GATEWAY_KEY": key_of("a"),
        "GATEWAY_MODEL": MODEL,
        "SLOW": wish(token=0.005),
        "TOOL": wish(tool=TOWN),
        "REFUSE": wish(status=400),
    }
    ran = subprocess.run(
        ["node", HERE / "clients.cjs"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_it_chats_streams_and_calls_tools(seen: dict[str, Any]) -> None:
    choice = seen["chat"]["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("word " * 5, "length")
    assert seen["stream"]["text"] == "word " * 5
    assert seen["stream"]["usage"]["completion_tokens"] == 5
    (call,) = seen["tool"]["choices"][0]["message"]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("weather", TOWN["arguments"])
    assert seen["response"] == "word " * 5


def test_it_lists_what_its_tenant_may_use(seen: dict[str, Any]) -> None:
    assert seen["models"] == [MODEL, EMBED]
    assert seen["model"] == MODEL


def test_it_tells_errors_apart(seen: dict[str, Any]) -> None:
    missing, stranger, engine = (seen[name] for name in ("missing", "stranger", "engine"))
    assert (missing["class"], missing["status"], missing["code"]) == ("NotFoundError", 404, "model_not_found")
    assert missing["param"] == "model"
    assert missing["requestID"]
    assert (stranger["class"], stranger["status"], stranger["code"]) == ("AuthenticationError", 401, "invalid_api_key")
    assert (engine["class"], engine["status"]) == ("BadRequestError", 400)


def test_a_stream_that_it_leaves_ends_at_the_replica(seen: dict[str, Any], stub: Stub) -> None:
    assert seen["abandoned"] == 3
    until(lambda: stub.totals()["in_flight"] == 0)
