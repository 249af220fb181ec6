from __future__ import annotations

from qwen3_operator.reconcile.report import stored
from qwen3_operator.tenancy.report import tenant_status
from qwen3_runtime.tenancy import LimitName, LimitUsage, TenantUsage
from tests.unit.tenancy.given import NOW, compiled, tenant

GRANT = compiled().grants["acme"]
COUNTED = TenantUsage(
    tenant="acme",
    limits=(
        LimitUsage(name=LimitName.TOKENS_PER_DAY, used=120, limit=900),
        LimitUsage(name=LimitName.CONCURRENT_REQUESTS, used=1, limit=None),
    ),
    last_used_at="2026-11-27T11:59:58Z",
)


def test_status_shows_what_works_and_what_was_used() -> None:
    status = stored(tenant_status(tenant(), GRANT, COUNTED, NOW))
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "KeysReady": "True", "ModelsReady": "True", "Ready": "True",
    }  # fmt: skip
    assert (status["keys"], status["models"], status["today"]) == ("1/1", ["chat"], "120/900")
    assert status["lastUsed"] == "2026-11-27T11:59:58Z"
    assert status["usage"] == [
        {"limit": "tokensPerDay", "used": 120, "allowed": 900},
        {"limit": "concurrentRequests", "used": 1},
    ]


def test_without_a_limit_the_days_tokens_stand_alone() -> None:
    counted = TenantUsage(tenant="acme", limits=(LimitUsage(name=LimitName.TOKENS_PER_DAY, used=7, limit=None),))
    assert tenant_status(tenant(), GRANT, counted, NOW).today == "7"


def test_a_gateway_that_was_not_asked_leaves_the_usage_and_the_times_alone() -> None:
    before = {**tenant(), "status": stored(tenant_status(tenant(), GRANT, COUNTED, NOW))}
    assert stored(tenant_status(before, GRANT, None, "2026-11-28T00:00:00Z")) == before["status"]
