"""Deployments as `compile_tenancy` takes them, from the cache; what is slow to find out is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.manifests.runtime import other_task
from qwen3_operator.reconcile.capacity import stored
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.tenancy.rates import rates
from qwen3_operator.tenancy.served import Served, spec_of
from qwen3_runtime.config import Task, ThinkingMode

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Capacity, Placement, PlanStatus
    from qwen3_operator.performance.rates import TokenRates
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.planner import Planner


class ServedViews:
    """One `Served` per deployment."""

    def __init__(self, cache: Cache, planner: Planner) -> None:
        self._cache = cache
        self._planner = planner
        self._specs: dict[Key, tuple[tuple[str, int], DeploymentSpec | None]] = {}
        self._rates: dict[tuple[Key, str], tuple[Placement, Capacity | None, TokenRates | None]] = {}
        self._catalog = planner.catalog

    def all(self) -> list[Served]:
        """Those whose spec this version can read."""
        keys = set(self._cache.deployments())
        if self._catalog is not self._planner.catalog:  # other rows, other speeds
            self._catalog = self._planner.catalog
            self._rates.clear()
        self._specs = {key: known for key, known in self._specs.items() if key in keys}
        self._rates = {place: known for place, known in self._rates.items() if place[0] in keys}
        found = (self._view(key) for key in keys)
        return [served for served in found if served is not None]

    def _view(self, key: Key) -> Served | None:
        deployment = self._cache.get(key)
        spec = self._spec(key, deployment) if deployment else None
        if deployment is None or spec is None:
            return None
        plan = self._planner.in_force(key)
        if plan is None or spec.tenants is None:
            return Served(deployment, spec, plan)
        capacity = stored(plan, deployment.get("status") or {})
        return Served(
            deployment,
            spec,
            plan,
            task=self._task(plan),
            thinking=self._thinking(plan),
            pods=self._cache.owned(Kind.POD, key),
            capacity=capacity,
            rates=self._all_rates(key, spec, plan, capacity),
        )

    def _spec(self, key: Key, deployment: dict[str, Any]) -> DeploymentSpec | None:
        version = deployment["metadata"]["uid"], deployment["metadata"]["generation"]
        if key not in self._specs or self._specs[key][0] != version:
            self._specs[key] = version, spec_of(deployment)
        return self._specs[key][1]

    def _task(self, plan: PlanStatus) -> Task:
        model = self._planner.catalog.models.get(plan.model)
        return (other_task(model) if model else None) or Task.GENERATE

    def _thinking(self, plan: PlanStatus) -> ThinkingMode:
        model = self._planner.catalog.models.get(plan.model)
        return ThinkingMode(model.thinking) if model else ThinkingMode.HYBRID

    def _all_rates(
        self, key: Key, spec: DeploymentSpec, plan: PlanStatus, capacity: dict[str, Capacity]
    ) -> dict[str, TokenRates]:
        """The performance model takes milliseconds: it is asked again where the placement or its capacity changed."""
        found: dict[str, TokenRates] = {}
        for placement in plan.placements:
            place, seen = (key, placement.pool), capacity.get(placement.pool)
            known = self._rates.get(place)
            if known is None or known[0] is not placement or known[1] != seen:
                known = placement, seen, rates(plan, placement, spec, seen, self._catalog)
                self._rates[place] = known
            if known[2] is not None:
                found[placement.pool] = known[2]
        return found
