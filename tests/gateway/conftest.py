from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.processes import MODEL, GatewayProcess, Stub, make_route, make_tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS = "qwen3-others"
EMBED = "qwen3-embed"
LORA = "support"
OTHER_LORA = "law"
"""Adapters of the second model."""


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    started = Stub(tmp_path_factory.mktemp("stub"))
    yield started
    started.kill()


@pytest.fixture(scope="module")
def gateway(stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Tenants and three models: ``b`` may not use the first, ``a`` not the second, ``c`` one adapter of it alone."""
    tenants = [
        make_tenant("a", models=(MODEL, EMBED)),
        make_tenant("b", models=(OTHERS,)),
        make_tenant("c", models=(LORA,)),
    ]
    endpoint = stub.endpoint()
    routes = [
        make_route([endpoint]),
        make_route([endpoint], name=OTHERS, adapters=(LORA, OTHER_LORA)),
        make_route([endpoint], name=EMBED, task="Embed"),
    ]
    started = GatewayProcess(tmp_path_factory.mktemp("gateway"), tenants, routes)
    yield started
    started.kill()
