"""A gateway and a pod's ports in front of a stub engine, which says 400 to whatever it cannot read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.tenancy import TenantLimits
from tests.gateway.processes import MODEL, GatewayProcess, Process, Stub, make_route, make_tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDER, RERANKER = "qwen3-embed", "qwen3-rerank"
OWN_FAULT = ("Traceback", "Exception in ASGI")
"""What uvicorn writes where an answer of ours failed."""


class PodProcess(Process):
    """The ports of pods that serve ``MODEL``; see `tests.hostile.front`."""

    def __init__(self, engine: Stub, folder: pytest.TempPathFactory) -> None:
        command = [sys.executable, "-m", "tests.hostile.front", str(engine.port)]
        super().__init__(command, folder.mktemp("pod") / "log", r"ports (\d+) (\d+) (\d+) (\d+)")
        urls = [f"http://127.0.0.1:{port}" for port in self.found.groups()]
        self.generates, self.embeds, self.reranks, self.management = urls


@dataclass
class Ports:
    """Everything that can be asked."""

    gateway: GatewayProcess
    pod: PodProcess
    stub: Stub


@pytest.fixture(scope="package")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """Whatever was asked of them, none has failed by itself."""
    stub = Stub(tmp_path_factory.mktemp("stub"))
    models = {MODEL: "Generate", EMBEDDER: "Embed", RERANKER: "Rerank"}
    routes = [
        make_route([stub.endpoint(max_in_flight=1000)], name=name, task=task, max_thinking_tokens=100)
        for name, task in models.items()
    ]
    limits = TenantLimits(requests_per_minute=10**9, output_tokens_per_minute=10**12)
    tenant = make_tenant("a", models=tuple(models), max_thinking_tokens=50, limits=limits)
    gateway = GatewayProcess(tmp_path_factory.mktemp("gateway"), [tenant], routes)
    pod = PodProcess(stub, tmp_path_factory)
    yield Ports(gateway, pod, stub)
    for process in (gateway, pod, stub):
        process.kill()
    assert not [word for process in (gateway, pod, stub) for word in OWN_FAULT if word in process.output]
