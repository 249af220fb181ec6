"""Looks whether plans that run could be better by now: rarely, one by one, and without touching them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from qwen3_operator import metrics
from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.scaling import ScalingMode
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.outdated import judge_plan
from qwen3_operator.reconcile.queue import WorkQueue
from qwen3_operator.sizing import spec_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.reconcile.observed import Verdict
    from qwen3_operator.reconcile.planner import Planner

_LOG = logging.getLogger(__name__)
_SETTLE_SECONDS = 5.0
"""Nodes come and go in groups, and pods move behind them."""
_PERIOD_SECONDS = 60.0
"""Between two looks at one deployment."""
_PAUSE_SECONDS = 0.02
"""Between two looks at all: reconciling comes first."""


class _Known(NamedTuple):
    plan: PlanStatus
    verdict: Verdict


class Freshness:
    """The last verdict on each plan."""

    def __init__(
        self, cache: Cache, planner: Planner, enqueue: Callable[[Key, float], None], clock: Callable[[], float]
    ) -> None:
        self._cache = cache
        self._planner = planner
        self._enqueue = enqueue
        self._clock = clock
        self._queue: WorkQueue[Key] = WorkQueue(clock)
        self._looked_at: dict[Key, float] = {}
        self._known: dict[Key, _Known] = {}

    def view(self, key: Key, current: PlanStatus | None) -> Verdict | None:
        """The verdict on this plan; None while there is none."""
        known = self._known.get(key)
        return known.verdict if known is not None and known.plan == current else None

    def forget(self, key: Key) -> None:
        """The deployment is gone."""
        self._looked_at.pop(key, None)
        self._known.pop(key, None)

    def world_changed(self) -> None:
        """Nodes, pools, prices, the catalog or what is free changed: every plan is looked at, at most once a minute."""
        now = self._clock()
        for key in self._cache.deployments():
            due = self._looked_at.get(key, now - _PERIOD_SECONDS) + _PERIOD_SECONDS
            self._queue.add(key, max(_SETTLE_SECONDS, due - now))

    async def run(self) -> None:
        """Look until cancelled."""
        self.world_changed()
        while True:
            key = await self._queue.get()
            try:
                await self._look(key)
            except ApiError as error:
                _LOG.warning("plan not compared", extra={"object": key.name, "error": str(error)})
            except Exception:  # noqa: BLE001 - the boundary: one plan must not end the others
                _LOG.exception("plan not compared", extra={"namespace": key.namespace, "object": key.name})
            self._queue.done(key)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _look(self, key: Key) -> None:
        deployment = self._cache.get(key)
        current = self._planner.in_force(key)
        if deployment is None or current is None:
            return
        try:
            spec = DeploymentSpec.model_validate(deployment["spec"])
        except ValidationError:
            return
        if spec_digest(spec) != current.spec_digest:
            return  # the spec has no plan of its own yet
        self._looked_at[key] = self._clock()
        room = await self._planner.room(key, _PERIOD_SECONDS / 2)
        catalog = self._planner.catalog
        fresh = await self._planner.think(_as_scaled(spec, current), room)
        verdict = judge_plan(current, fresh, room, catalog, spec.optimize_for)
        metrics.PLAN_CHECKS.labels(verdict.reason).inc()
        before = self._known.get(key)
        self._known[key] = _Known(current, verdict)
        if before is None or before.verdict != verdict:
            self._enqueue(key, 0.0)


def _as_scaled(spec: DeploymentSpec, current: PlanStatus) -> DeploymentSpec:
    """With the replicas that run where the operator scales: fewer of them are no better plan but another load."""
    running = sum(placement.replicas for placement in current.placements)
    if spec.scaling.mode is not ScalingMode.AUTO or not running:
        return spec
    return spec.model_copy(update={"replicas": running})
