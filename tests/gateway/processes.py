"""Processes of a test: stub replicas, a gateway in front of them, a Valkey."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any, ClassVar

from qwen3_runtime.tenancy import Endpoint, Route, Routes, Tenant, Tenants
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MODEL = "qwen3-stub"
USAGE_TOKEN = "usage-token-" + "x" * 32


def key_of(tenant: str) -> str:
    """The API key of a tenant of the tests."""
    return f"key-of-{tenant}-" + "x" * 32


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def make_tenant(name: str, **changes: Any) -> Tenant:
    return Tenant(**({"name": name, "key_digests": (digest_of(key_of(name)),), "models": (MODEL,)} | changes))


def make_route(endpoints: Iterable[Endpoint], **changes: Any) -> Route:
    values = {"name": MODEL, "namespace": "n", "deployment": "d", "context_length": 4096, "endpoints": tuple(endpoints)}
    return Route(**(values | changes))


class Process:
    """A child that says in a line of its output when it is there."""

    def __init__(
        self, arguments: list[str], log: Path, ready: str, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(arguments, stdout=file, stderr=subprocess.STDOUT, env=environment)
        deadline = time.monotonic() + HANG_SECONDS
        while (found := re.search(ready, log.read_text())) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{arguments[:4]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        self.found = found

    @property
    def output(self) -> str:
        return self._log.read_text()

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(HANG_SECONDS)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(HANG_SECONDS)


class Stub(Process):
    """One replica."""

    def __init__(self, folder: Path, name: str = "stub", port: int = 0) -> None:
        super().__init__(
            [sys.executable, "-m", "tests.gateway.stub", str(port)], folder / f"{name}.log", r"listening (\d+)"
        )
        self.port = int(self.found[1])

    def endpoint(self, **changes: Any) -> Endpoint:
        return Endpoint(**({"address": f"127.0.0.1:{self.port}", "placement": "p", "max_in_flight": 64} | changes))

    def totals(self) -> dict[str, Any]:
        totals: dict[str, Any] = fetch_json(f"http://127.0.0.1:{self.port}/totals")
        return totals


class GatewayProcess(Process):
    """One gateway with its files in ``folder``."""

    module: ClassVar[str] = "qwen3_runtime.gateway.main"

    def __init__(
        self,
        folder: Path,
        tenants: Iterable[Tenant],
        routes: Iterable[Route],
        *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.set_tenants(tenants)
        self.set_routes(routes)
        self.set_usage_token(USAGE_TOKEN)
        command = [sys.executable, "-m", self.module, "--port=0", "--management-port=0"]
        files = [
            f"--tenants={folder / 'tenants.json'}",
            f"--routes={folder / 'routes.json'}",
            f"--usage-token={folder / 'usage-token'}",
            f"--ledger={folder / 'ledger'}",
        ]
        log, ready = folder / "gateway.log", r"port (\d+), management on (\d+)"
        super().__init__([*command, *files, *arguments], log, ready, environment=os.environ | (environment or {}))
        self.url = f"http://127.0.0.1:{self.found[1]}"
        self.management = f"http://127.0.0.1:{self.found[2]}"
        self.wait_until_ready()

    def set_tenants(self, tenants: Iterable[Tenant]) -> None:
        _replace(self.folder / "tenants.json", Tenants(tenants=tuple(tenants)).model_dump_json(by_alias=True))

    def set_routes(self, routes: Iterable[Route]) -> None:
        _replace(self.folder / "routes.json", Routes(models=tuple(routes)).model_dump_json(by_alias=True))

    def set_usage_token(self, token: str) -> None:
        _replace(self.folder / "usage-token", token)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.management}/readyz"):  # noqa: S310
                return
            time.sleep(0.02)
        raise RuntimeError("the gateway did not become ready")

    def read(self, path: str) -> bytes:
        """What the management port shows to who has the token."""
        headers = {"authorization": f"Bearer {USAGE_TOKEN}"}
        with urllib.request.urlopen(urllib.request.Request(self.management + path, headers=headers)) as answer:  # noqa: S310 - loopback
            body: bytes = answer.read()
        return body

    def metric(self, name: str, **labels: str) -> float:
        """Sum of all samples of a metric that have these labels."""
        with urllib.request.urlopen(f"{self.management}/metrics") as answer:  # noqa: S310 - loopback
            text = answer.read().decode()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in text.splitlines() if re.match(re.escape(name) + r"[{ ]", line)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(part in line for part in wanted))


def fetch_json(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.rename(path)
