from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from qwen3_runtime.tenancy import Demand, Endpoint, Routes, Tenants

DIGEST = "0" * 64


def test_an_operators_json_is_read_back() -> None:
    one = {"name": "a", "keyDigests": [DIGEST], "models": ["m"], "limits": {"requestsPerMinute": 6}}
    tenant = Tenants.model_validate_json(json.dumps({"tenants": [one]})).tenants[0]
    assert (tenant.limits.requests_per_minute, tenant.quota.tokens_per_day, tenant.priority.weight) == (6, None, 1)
    assert Tenants.model_validate_json(Tenants(tenants=(tenant,)).model_dump_json(by_alias=True)).tenants == (tenant,)


@pytest.mark.parametrize(
    ("tenants", "why"),
    [
        ([{"name": "a"}, {"name": "a"}], "the tenant 'a' stands twice"),
        ([{"name": "a", "keyDigests": [DIGEST]}, {"name": "b", "keyDigests": [DIGEST]}], "the key digest '0+' stands"),
        ([{"name": "a", "keyDigests": ["secret"]}], "keyDigests"),
        ([{"name": "a", "surprise": 1}], "surprise"),
    ],
)
def test_ambiguous_tenants_are_refused(tenants: list[object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Tenants.model_validate_json(json.dumps({"tenants": tenants}))


def test_two_routes_of_one_name_are_refused() -> None:
    route = '{"name":"m","namespace":"n","deployment":"d","contextLength":1}'
    with pytest.raises(ValidationError, match="the route 'm' stands twice"):
        Routes.model_validate_json(f'{{"models":[{route},{route}]}}')


def test_an_adapter_and_a_route_of_one_name_are_refused() -> None:
    route = {"name": "m", "namespace": "n", "deployment": "d", "contextLength": 1}
    with pytest.raises(ValidationError, match="the route 'm' stands twice"):
        Routes.model_validate({"models": [route, {**route, "name": "o", "adapters": ["m"]}]})


@pytest.mark.parametrize(
    ("address", "good"), [("10.0.0.1:8080", True), ("[fd00::1]:8080", True), ("evil.com:80", False)]
)
def test_an_endpoint_is_an_address_not_a_name(address: str, good: bool) -> None:  # noqa: FBT001
    if good:
        assert Endpoint(address=address, placement="p", max_in_flight=1).address == address
    else:
        with pytest.raises(ValidationError, match="address"):
            Endpoint(address=address, placement="p", max_in_flight=1)


def test_demand_is_a_plain_object() -> None:
    assert Demand({"m": "2026-01-01T00:00:00Z"}).model_dump_json() == '{"m":"2026-01-01T00:00:00Z"}'
