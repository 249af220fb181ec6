"""The autoscaler on the replica that leads: every ten seconds one round over all deployments."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from qwen3_operator import metrics
from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.scaling import ScalingMode
from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.autoscale import record
from qwen3_operator.autoscale.acts import Acts
from qwen3_operator.autoscale.capacity import CapacityUnknown, capacities, request_of
from qwen3_operator.autoscale.correction import corrections
from qwen3_operator.autoscale.demand import DemandWatch
from qwen3_operator.autoscale.fleet import fleet, scraped
from qwen3_operator.autoscale.known import KnownDeployments
from qwen3_operator.autoscale.prometheus import Prometheus, PrometheusError, connections
from qwen3_operator.autoscale.rooms import Rooms
from qwen3_operator.autoscale.step import Moment, step
from qwen3_operator.autoscale.store import Store
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.observed import ScalingView, Verdict
from qwen3_operator.scaling import PERIOD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from qwen3_operator.api.decision import Decision
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.autoscale.known import Known
    from qwen3_operator.autoscale.samples import Samples
    from qwen3_operator.autoscale.step import Outcome
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.planner import Planner
    from qwen3_operator.settings import Settings

_LOG = logging.getLogger(__name__)
_FAILED = Verdict(
    ConditionStatus.FALSE, "DecisionFailed", "an error of the operator, see its log; the last scale holds"
)
_NO_PROMETHEUS = "the operator knows no Prometheus: set the chart's value prometheus.url"


class Autoscaler:
    """Looks, decides, and tells the reconciler how many replicas run."""

    def __init__(
        self,
        client: Client,
        cache: Cache,
        planner: Planner,
        settings: Settings,
        enqueue: Callable[[Key, float], None],
        *,
        route_name: Callable[[Key], str | None] | None,
        gateways: Callable[[], Mapping[str, float]] = dict,
        paces: Callable[[Key, PlanStatus], Mapping[str, float]] = lambda *_: {},
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is looked at before `run`.

        Args:
            client: To the API server.
            cache: Deployments and their pods.
            planner: Plans in force.
            settings: Of the operator.
            enqueue: Asks for a reconcile.
            route_name: What requests at the gateway call a deployment that it routes to; None: no gateway.
            gateways: Its ready pods, and since when, in seconds since the epoch.
            paces: Speed of a plan's placements as seen, over the predicted one, by pool.
            clock: Seconds since the epoch.
        """
        self._cache = cache
        self._planner = planner
        self._enqueue = enqueue
        self._clock = clock
        self._prometheus = Prometheus(settings.prometheus) if settings.prometheus else None
        self._acts = Acts(client, cache, settings.identity)
        self._rooms = Rooms(planner, time.monotonic)
        self._demand_changed = asyncio.Event()
        self._route_name = route_name
        self._gateways = gateways
        self._paces = paces
        self._demand = DemandWatch(client, settings, self._demand_changed.set)
        self._known = KnownDeployments(Store(client, settings), cache, clock)

    def view(self, key: Key) -> ScalingView | None:
        """What the status says of scaling; None where the mode is Off or nothing was decided yet."""
        known = self._known.get(key)
        if known is None or known.verdict is None:
            return None
        return ScalingView(known.verdict, known.decision, known.changes)

    def scale(self, key: Key, spec: DeploymentSpec, current: PlanStatus | None) -> Mapping[str, int] | None:
        """Replicas by pool instead of ``spec.replicas``; None where that counts."""
        known = self._known.get(key)
        if known is not None:
            known.memory = replace(known.memory, manual=known.memory.manual.seeing(spec, self._clock()))
        if spec.scaling.mode is not ScalingMode.AUTO or current is None:
            return None
        if known is not None and known.memory.manual.holds(self._clock()):
            return None
        planned = counts(current)
        granted = known.granted if known is not None else None
        return granted if granted is not None and granted.keys() == planned.keys() else planned

    def forget(self, key: Key) -> None:
        """The deployment is gone."""
        self._known.forget(key)

    async def run(self) -> None:
        """Decide until cancelled."""
        await self._known.load()
        async with connections() as session, asyncio.TaskGroup() as group:
            if self._route_name is not None:
                group.create_task(self._demand.run())
            while True:
                begun = time.monotonic()
                with metrics.SCALING_ROUND_SECONDS.time():
                    await self._guarded_round(session)
                await self._wait(begun + PERIOD_SECONDS)

    async def _wait(self, until: float) -> None:
        """Until the next round; those that sleep wake in between."""
        while (left := until - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._demand_changed.wait()
                self._demand_changed.clear()
                await self._wake()

    async def _guarded_round(self, session: aiohttp.ClientSession) -> None:
        try:
            await self._round(session)
        except ApiError as error:
            _LOG.warning("nothing decided", extra={"error": str(error)})
        except Exception:  # noqa: BLE001 - the boundary: the next round may do better
            _LOG.exception("nothing decided")

    async def _round(self, session: aiohttp.ClientSession) -> None:
        specs = self._specs()
        if not specs:
            await self._known.save()
            return
        found, trouble = await self._read(session)
        await self._rooms.refresh({key: plan for key in specs if (plan := self._planner.in_force(key))})
        for key, spec in specs.items():
            await self._guarded_look(key, spec, found, trouble)
            await asyncio.sleep(0)  # reconciles come between
        await self._known.save()

    async def _wake(self) -> None:
        """Look at what sleeps and is asked for, without waiting for the round."""
        for key, spec in self._specs().items():
            plan = self._planner.in_force(key)
            asleep = plan is not None and not sum(counts(plan).values())
            if asleep and self._demanded_at(key) is not None:
                await self._guarded_look(key, spec, None, "")

    def _specs(self) -> dict[Key, DeploymentSpec]:
        """Of all deployments whose mode is not Off; what was known of others is forgotten.

        Of one whose spec cannot be read it stays: that may be mended, and days were learned from.
        """
        specs: dict[Key, DeploymentSpec] = {}
        gone = self._known.keys() - set(self._cache.deployments())
        for key in self._cache.deployments():
            deployment = self._cache.get(key)
            with suppress(ValidationError):
                spec = DeploymentSpec.model_validate(deployment["spec"] if deployment else {})
                if spec.scaling.mode is ScalingMode.OFF:
                    gone.add(key)
                else:
                    specs[key] = spec
        for key in gone & self._known.keys():
            self.forget(key)
            self._enqueue(key, 0.0)
        return specs

    async def _read(self, session: aiohttp.ClientSession) -> tuple[Samples | None, str]:
        if self._prometheus is None:
            return None, _NO_PROMETHEUS
        try:
            return await self._prometheus.read(session), ""
        except PrometheusError as error:
            _LOG.warning("Prometheus gave no answers", extra={"error": str(error)})
            return None, f"Prometheus: {error}"

    async def _guarded_look(self, key: Key, spec: DeploymentSpec, found: Samples | None, trouble: str) -> None:
        try:
            await self._look(key, spec, found, trouble)
        except Exception:  # noqa: BLE001 - the boundary: one deployment must not keep the others from being looked at
            _LOG.exception("nothing decided", extra={"namespace": key.namespace, "object": key.name})
            if (known := self._known.get(key)) is not None:
                self._tell(key, known, _FAILED, None)

    async def _look(self, key: Key, spec: DeploymentSpec, found: Samples | None, trouble: str) -> None:
        """One deployment."""
        plan, now = self._planner.in_force(key), self._clock()
        if plan is None or not plan.placements:
            return
        known = self._known.get(key) or self._known.begin(key, spec)
        asked = counts(plan)
        pods = self._cache.owned(Kind.POD, key)
        view = fleet(asked, pods, now)
        known.memory = replace(
            known.memory, corrections=corrections(plan, known.memory.corrections, self._paces(key, plan))
        )
        try:
            able = capacities(
                spec,
                plan,
                self._planner.catalog,
                startup={**known.memory.startup, **view.startup},
                corrections=known.memory.corrections,
                rooms=self._rooms.of(key, plan),
            )
        except CapacityUnknown as unknown:
            self._tell(key, known, Verdict(ConditionStatus.FALSE, "CapacityUnknown", str(unknown)), None)
            return
        request = request_of(spec, plan, self._planner.catalog)
        moment = Moment(key, spec, view, found, able, self._demanded_at(key), now, request, self._gateways_of(key, now))
        try:
            outcome = step(known.memory, moment)
        except Exception:
            known.memory = known.memory.unlearned()
            raise
        known.memory = outcome.memory
        _export(key, outcome)
        await self._act(key, known, plan, outcome, moment)
        self._tell(key, known, record.verdict(outcome, moment, trouble), record.shown(outcome, moment))

    async def _act(self, key: Key, known: Known, plan: PlanStatus, outcome: Outcome, moment: Moment) -> None:
        asked, before = counts(plan), known.granted
        known.granted = dict(outcome.granted) if outcome.applies else None
        entry = record.change(asked, outcome, moment)
        if entry is None:
            return
        if known.granted == before:  # it is told; the queue holds it up, or a new spec that has no plan
            self._enqueue(key, 0.0)
            return
        self._rooms.granted(key, plan, outcome.granted)
        fewer = {pool for pool, count in outcome.granted.items() if count < asked[pool]}
        if fewer and moment.samples is not None:
            await self._acts.mark_emptiest(key, moment.samples)
        known.changes = record.kept(entry, known.changes)
        self._enqueue(key, 0.0)
        metrics.SCALINGS.labels("up" if entry.after > entry.before else "down", entry.rule).inc()
        await self._acts.post(key, entry)

    def _tell(self, key: Key, known: Known, verdict: Verdict, decision: Decision | None) -> None:
        """Have the status written where there is news."""
        news = verdict != known.verdict
        if decision is not None and record.is_news(known.decision, decision, self._clock()):
            known.decision, news = decision, True
        known.verdict = verdict
        if news:
            self._enqueue(key, 0.0)

    def _demanded_at(self, key: Key) -> float | None:
        """When the gateway last asked for a deployment that sleeps; what it does not route to is never asked for."""
        name = self._route_name(key) if self._route_name else None
        return self._demand.demanded_at.get(name) if name is not None else None

    def _gateways_of(self, key: Key, now: float) -> frozenset[str] | None:
        """The gateway's pods whose metrics must be there; None where it does not route to the deployment."""
        is_routed = self._route_name is not None and self._route_name(key) is not None
        return scraped(self._gateways(), now) if is_routed else None


def counts(plan: PlanStatus) -> dict[str, int]:
    """Replicas by pool."""
    return {placement.pool: placement.replicas for placement in plan.placements}


def _export(key: Key, outcome: Outcome) -> None:
    seeing = outcome.decision.observed
    metrics.SCALING_WANTED.labels(*key).set(sum(outcome.granted.values()))
    metrics.SCALING_LEVEL.labels(*key).set(seeing.level)
    metrics.SCALING_HEADROOM.labels(*key).set(seeing.headroom)
