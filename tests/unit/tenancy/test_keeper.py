"""Rounds of the keeper of tenants, with a client that only answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.tenancy.keeper import TenancyKeeper
from tests.unit.manifests.samples import settings
from tests.unit.tenancy.given import KEY, secret, served, tenant
from tests.unit.tenancy.test_edges import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.tenancy.served import Served


class Busy(Server):
    """Something happens while the gateway is told."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.meanwhile: Callable[[], None] = lambda: None

    @override
    async def apply_at(self, path: str, manifest: dict[str, Any], **_: Any) -> dict[str, Any]:
        if manifest["kind"] == "ConfigMap":
            self.meanwhile()
        return await super().apply_at(path, manifest)

    async def create_event(self, _: dict[str, Any]) -> None:
        return

    def generations(self) -> list[int]:
        """That statuses of tenants were written for."""
        statuses = [one["status"] for one in self.applied if one["kind"] == "Qwen3Tenant"]
        return [status["observedGeneration"] for status in statuses]


class Views:
    def all(self) -> list[Served]:
        return [served()]


def given(server: Busy) -> TenancyKeeper:
    """One that has read a tenant and its key."""
    keeper = TenancyKeeper(server, Cache(), settings(), Views(), lambda *_: None)  # type: ignore[arg-type]
    keeper._tenants.objects = {"acme": tenant()}
    keeper._secrets.objects = {"acme": secret(key=KEY)}
    return keeper


async def test_the_status_is_of_the_generation_that_it_was_made_from() -> None:
    server = Busy()
    keeper = given(server)
    changed = tenant(models={"names": ["other"]})
    changed["metadata"]["generation"] = 2
    server.meanwhile = lambda: keeper._tenants.objects.update(acme=changed)
    await keeper._round()
    assert server.generations() == [], "of generation 2 nothing is known yet"
    await keeper._round()
    assert server.generations() == [2]


async def test_a_tenant_that_goes_meanwhile_is_not_written() -> None:
    server = Busy()
    keeper = given(server)
    server.meanwhile = keeper._tenants.objects.clear
    await keeper._round()
    assert server.generations() == []
