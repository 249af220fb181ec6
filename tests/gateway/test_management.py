"""Who may see what all tenants use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.gateway.processes import USAGE_TOKEN, GatewayProcess, Stub, key_of, make_route, make_tenant
from tests.gateway.raw import call
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSED = ("/usage", "/ledger", "/ledger.csv")


@pytest.fixture
def own(stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    started = GatewayProcess(tmp_path_factory.mktemp("own"), [make_tenant("a")], [make_route([stub.endpoint()])])
    yield started
    started.kill()


def _status(gateway: GatewayProcess, path: str, **headers: str) -> int:
    return call(gateway.management, "GET", path, tenant=None, headers=headers).status


@pytest.mark.parametrize("path", CLOSED)
def test_usage_and_ledger_are_open_to_the_token_alone(gateway: GatewayProcess, path: str) -> None:
    refused = call(gateway.management, "GET", path, tenant=None)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in ("", "Bearer", "Bearer ", f"Bearer {key_of('a')}", f"Bearer {USAGE_TOKEN[:-1]}", USAGE_TOKEN):
        assert _status(gateway, path, authorization=wrong) == 401
    assert _status(gateway, path, authorization=f"Bearer {USAGE_TOKEN}") == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_and_metrics_need_none(gateway: GatewayProcess, path: str) -> None:
    assert _status(gateway, path) == 200


def test_another_token_acts_without_a_restart_and_a_short_one_opens_nothing(own: GatewayProcess) -> None:
    assert json.loads(own.read("/usage"))["tenants"]
    for token, opens in (("y" * 32, True), ("short", False), ("", False)):
        own.set_usage_token(token)
        until(lambda: _status(own, "/usage", authorization=f"Bearer {USAGE_TOKEN}") == 401)
        until(lambda: (_status(own, "/usage", authorization=f"Bearer {token}") == 200) is opens)  # noqa: B023
    assert USAGE_TOKEN not in own.output
