"""Asks engines what they are able to: at their start for their memory, then once a minute for their latency.

One pod per placement is asked. Nothing is written for it unless a number moved.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
from pydantic import ValidationError

from qwen3_operator import metrics
from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.manifests.names import PLACEMENT_LABEL, dns_label
from qwen3_operator.reconcile.capacity import calibrated, is_news, observed, predicted_for, stored
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.management import fetch
from qwen3_operator.reconcile.observed import PodView
from qwen3_operator.reconcile.pace import WARM_SECONDS, Pace, says_something
from qwen3_operator.reconcile.readings import Reading, load_between, reading
from qwen3_operator.sizing.offers import long_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen3_operator.api.status import Capacity, Placement, PlanStatus
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.reconcile.planner import Planner

_LOG = logging.getLogger(__name__)
_ROUND_SECONDS = 10.0
"""How soon a pod that became ready is asked."""
_PERIOD_SECONDS = 60.0
"""Between two questions to one placement."""
_SILENT_SECONDS = 600.0
"""After an engine that gave no answer."""
_ENOUGH_REQUESTS = 20
"""Finished requests from which a mean is worth telling."""
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_PARALLEL = 8
_MAX_BYTES = 8 << 20


@dataclass(slots=True)
class _Meter:
    """What is known of one placement."""

    placement: Placement
    pod: str
    """Uid of the pod that is asked."""
    due: float
    since: Reading | None = None
    """Start of what is being averaged."""
    capacity: Capacity | None = None
    warm_at: float = 0.0
    """From when on what the pod serves counts for its pace."""
    pace: Pace = field(default_factory=Pace)


class Meters:
    """Remembers what each placement's engine said."""

    def __init__(
        self, cache: Cache, planner: Planner, enqueue: Callable[[Key, float], None], clock: Callable[[], float]
    ) -> None:
        self._cache = cache
        self._planner = planner
        self._enqueue = enqueue
        self._clock = clock
        self._meters: dict[tuple[Key, str], _Meter] = {}

    def view(self, key: Key, plan: PlanStatus | None) -> tuple[Capacity, ...]:
        """What is known of the plan's placements."""
        meters = (self._meters.get((key, placement.pool)) for placement in (plan.placements if plan else ()))
        return tuple(meter.capacity for meter in meters if meter and meter.capacity)

    def paces(self, key: Key, plan: PlanStatus) -> dict[str, float]:
        """Speed that was seen over the predicted one, by pool, where enough was seen."""
        meters = {placement.pool: self._meters.get((key, placement.pool)) for placement in plan.placements}
        return {pool: meter.pace.ratio for pool, meter in meters.items() if meter and meter.pace.is_known}

    async def run(self) -> None:
        """Ask until cancelled."""
        connector = aiohttp.TCPConnector(limit=_PARALLEL, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=False) as session:
            while True:
                try:
                    await self._round(session)
                except Exception:  # noqa: BLE001 - the boundary
                    _LOG.exception("engines not asked")
                await asyncio.sleep(_ROUND_SECONDS)

    async def _round(self, session: aiohttp.ClientSession) -> None:
        targets = {(key, placement.pool): (plan, placement, pod) for key, plan, placement, pod in self._targets()}
        self._meters = {place: meter for place, meter in self._meters.items() if place in targets}
        due = [place for place, target in targets.items() if self._meter(place, *target).due <= self._clock()]
        await asyncio.gather(*(self._ask(session, place, *targets[place]) for place in due))

    def _targets(self) -> Iterator[tuple[Key, PlanStatus, Placement, PodView]]:
        """A ready pod of each placement: the one that was asked before, else the newest."""
        for key in self._cache.deployments():
            plan = self._planner.in_force(key)
            views = [PodView(pod) for pod in self._cache.owned(Kind.POD, key)] if plan else []
            for placement in plan.placements if plan else ():
                label = dns_label(placement.pool)
                ready = [view for view in views if view.is_ready and _labels(view).get(PLACEMENT_LABEL) == label]
                known = self._meters.get((key, placement.pool))
                ready.sort(key=lambda view: (_uid(view) == (known.pod if known else ""), _created(view), view.name))
                if plan and ready and ready[-1].status.get("podIP"):
                    yield key, plan, placement, ready[-1]

    def _meter(self, place: tuple[Key, str], plan: PlanStatus, placement: Placement, view: PodView) -> _Meter:
        """The meter of a placement; a new pod starts its average anew, a new shape starts all anew."""
        meter = self._meters.get(place)
        if meter is None or not _is_alike(meter.placement, placement):
            status = (self._cache.get(place[0]) or {}).get("status", {})
            known = stored(plan, status).get(placement.pool)
            now = self._clock()
            meter = self._meters[place] = _Meter(placement, _uid(view), now, capacity=known, warm_at=now + WARM_SECONDS)
        if meter.pod != _uid(view):
            meter.pod, meter.since, meter.due = _uid(view), None, self._clock()
            meter.warm_at = meter.due + WARM_SECONDS
        return meter

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        place: tuple[Key, str],
        plan: PlanStatus,
        placement: Placement,
        view: PodView,
    ) -> None:
        meter = self._meters[place]
        try:
            text = await fetch(session, view.status["podIP"], "/metrics", _MAX_BYTES)
            found = reading(text.decode(errors="replace"), self._clock())
        except (aiohttp.ClientError, OSError):
            found = None
        metrics.METER_READS.labels("ok" if found else "failed").inc()
        meter.due = self._clock() + (_PERIOD_SECONDS if found else _SILENT_SECONDS)
        if found is None:
            return
        capacity = self._measured(place[0], plan, placement, meter, found)
        if capacity is not None and is_news(meter.capacity, capacity):
            meter.capacity = capacity
            self._enqueue(place[0], 0.0)

    def _measured(
        self, key: Key, plan: PlanStatus, placement: Placement, meter: _Meter, found: Reading
    ) -> Capacity | None:
        """The placement's capacity after one more reading."""
        base = meter.capacity
        if meter.since is None or not meter.since.is_before(found):
            meter.since = found
            fresh = calibrated(placement, self._request_tokens(key, plan), found)
            return fresh if base is None or is_news(base, _without_latency(fresh, base)) else base
        load = load_between(meter.since, found)
        if base is None or load is None or load.requests < _ENOUGH_REQUESTS:
            return None
        is_warm = meter.since.at >= meter.warm_at
        meter.since = found
        predicted = predicted_for(plan, placement, load, self._planner.catalog)
        if predicted is not None and is_warm and says_something(load, placement):
            uncached = replace(load, prompt_tokens=max(1, load.prompt_tokens - load.cached_tokens))
            without = predicted_for(plan, placement, uncached, self._planner.catalog)
            meter.pace = meter.pace.after(load, predicted, without or predicted)
        return observed(base, load, predicted)

    def _request_tokens(self, key: Key, plan: PlanStatus) -> int:
        """Prompt plus answer of the requests that the plan counts with."""
        deployment = self._cache.get(key)
        try:
            spec = DeploymentSpec.model_validate(deployment["spec"]) if deployment else None
        except ValidationError:
            return 0
        model = self._planner.catalog.models.get(plan.model)
        found = long_request(spec, model) if spec and model else None
        return found or plan.context_length


def _without_latency(fresh: Capacity, base: Capacity) -> Capacity:
    """The new pod's memory beside the latency that is known: another pod of the same shape is no news in itself."""
    return base.model_copy(
        update={
            "kv_cache_tokens": fresh.kv_cache_tokens,
            "weight_bytes": fresh.weight_bytes,
            "max_concurrency": fresh.max_concurrency,
        }
    )


def _is_alike(one: Placement, other: Placement) -> bool:
    """Equal but for what scaling changes; nearly always the same object."""
    return one is other or one == other.model_copy(
        update={"replicas": one.replicas, "surge": one.surge, "cost_per_hour": one.cost_per_hour}
    )


def _labels(view: PodView) -> dict[str, Any]:
    labels: dict[str, Any] = view.pod["metadata"].get("labels") or {}
    return labels


def _uid(view: PodView) -> str:
    return str(view.pod["metadata"]["uid"])


def _created(view: PodView) -> str:
    return str(view.pod["metadata"].get("creationTimestamp", ""))
