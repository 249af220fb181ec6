from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.processes import MODEL, GatewayProcess, Stub, make_route, make_tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS = "qwen3-others"
EMBED = "qwen3-embed"


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    started = Stub(tmp_path_factory.mktemp("stub"))
    yield started
    started.kill()


@pytest.fixture(scope="module")
def gateway(stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Two tenants, three models: ``b`` may not use the first, ``a`` not the second."""
    tenants = [make_tenant("a", models=(MODEL, EMBED)), make_tenant("b", models=(OTHERS,))]
    endpoint = stub.endpoint()
    routes = [
        make_route([endpoint]),
        make_route([endpoint], name=OTHERS),
        make_route([endpoint], name=EMBED, task="Embed"),
    ]
    started = GatewayProcess(tmp_path_factory.mktemp("gateway"), tenants, routes)
    yield started
    started.kill()
