"""What is remembered of deployments, and what makes it old."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from qwen3_operator.api.status import Capacity, CapacitySource, Compared
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.tenancy.view import ServedViews
from tests.unit.manifests.samples import deployment, placement, plan
from tests.unit.reconcile.samples import CATALOG

if TYPE_CHECKING:
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.performance.rates import TokenRates
    from qwen3_operator.reconcile.planner import Planner

PLAN = plan(placement(tensor_parallel=1, devices_per_replica=1, max_concurrency=32, kv_cache_tokens=200_000))


class Plans:
    def __init__(self) -> None:
        self.catalog = CATALOG

    def in_force(self, _: object) -> PlanStatus:
        return PLAN


def put(cache: Cache, version: int, *, slower: int = 1) -> None:
    """A deployment whose engine takes so many times what was predicted for a token."""
    seen = Capacity(
        pool="h100",
        source=CapacitySource.OBSERVED,
        time_per_output_token_microseconds=Compared(predicted=1000, found=1000 * slower),
    )
    raw = deployment({"tenants": {"allowed": {"all": True}}}, resourceVersion=str(version))
    status: dict[str, Any] = {"plan": PLAN.to_json(), "capacity": [seen.to_json()]}
    cache.put(Kind.QWEN3DEPLOYMENT, {**raw, "status": status})


def rates(views: ServedViews) -> TokenRates:
    (served,) = views.all()
    return served.rates["h100"]


def test_a_rate_is_worked_out_once_and_anew_for_what_was_seen() -> None:
    cache = Cache()
    put(cache, 1)
    views = ServedViews(cache, cast("Planner", Plans()))
    before = rates(views)
    assert rates(views) is before
    put(cache, 2, slower=2)
    assert rates(views).output == before.output / 2


def test_another_catalog_makes_other_rates() -> None:
    cache, plans = Cache(), Plans()
    put(cache, 1)
    views = ServedViews(cache, cast("Planner", plans))
    before = rates(views)
    card = CATALOG.accelerators[PLAN.placements[0].accelerator]
    assert card.bandwidth_gb is not None
    faster = card.model_copy(update={"bandwidth_gb": 2 * card.bandwidth_gb})
    plans.catalog = replace(CATALOG, accelerators={**CATALOG.accelerators, card.name: faster})
    assert rates(views).output > before.output
