"""Whose requests wake a deployment that sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from typing_extensions import override

from qwen3_operator.autoscale.demand import demand
from qwen3_operator.autoscale.loop import Autoscaler
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_runtime.tenancy import DEMAND_KEY
from tests.unit.manifests.samples import deployment, placement, plan, settings

if TYPE_CHECKING:
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.planner import Planner

ROUTED, NAMESAKE = Key("team-a", "chat"), Key("team-b", "chat")


class Planned:
    """So many replicas."""

    def __init__(self, replicas: int) -> None:
        self._plan = plan(placement(replicas=replicas))

    def in_force(self, _: Key) -> PlanStatus:
        return self._plan


class Woken(Autoscaler):
    """Notes what it would look at."""

    def __init__(self, replicas: int = 0, **arguments: Any) -> None:
        cache = Cache()
        for key in (ROUTED, NAMESAKE):
            cache.put(Kind.QWEN3DEPLOYMENT, deployment({"scaling": {"mode": "Auto"}}, **key._asdict()))
        nobody = cast("Client", None)
        super().__init__(nobody, cache, cast("Planner", Planned(replicas)), settings(), lambda *_: None, **arguments)
        self.looked_at: list[Key] = []
        self._demand.demanded_at = {"chat": 1.0}

    @override
    async def _guarded_look(self, key: Key, *_: Any) -> None:
        self.looked_at.append(key)


async def test_only_the_deployment_that_the_gateway_routes_to_wakes() -> None:
    scaler = Woken(route_name={ROUTED: "chat"}.get)
    await scaler._wake()
    assert scaler.looked_at == [ROUTED]


def test_only_a_deployment_that_is_routed_to_is_looked_for_at_the_gateway() -> None:
    ready = {"front-0": 0.0, "front-1": 90.0}
    scaler = Woken(route_name={ROUTED: "chat"}.get, gateways=lambda: ready)
    assert scaler._gateways_of(ROUTED, 100.0) == frozenset({"front-0"}), "the other may not have been scraped yet"
    assert scaler._gateways_of(NAMESAKE, 100.0) is None
    assert Woken(route_name=None)._gateways_of(ROUTED, 100.0) is None


@pytest.mark.parametrize("route_name", [None, {}.get, {ROUTED: "other"}.get])
async def test_without_a_route_of_that_name_nothing_wakes(route_name: Any) -> None:
    scaler = Woken(route_name=route_name)
    await scaler._wake()
    assert scaler.looked_at == []


async def test_what_is_awake_waits_for_its_round() -> None:
    scaler = Woken(replicas=1, route_name={ROUTED: "chat"}.get)
    await scaler._wake()
    assert scaler.looked_at == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"chat": "2026-11-24T12:00:00Z", "a": "yesterday", "b": 5, "c": null}', {"chat": 1795521600.0}),
        ("[]", {}),
        ("{", {}),
    ],
)
def test_demand_is_read_as_far_as_it_is_a_time(text: str, found: dict[str, float]) -> None:
    assert demand({"data": {DEMAND_KEY: text}}) == found
    assert demand({}) == {}
