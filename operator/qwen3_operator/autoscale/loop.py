"""The autoscaler on the replica that leads: every ten seconds one round over all deployments."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator import metrics
from qwen3_operator.api.base import API_VERSION
from qwen3_operator.api.decision import Change, Decision
from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.scaling import ScalingMode
from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.autoscale import record
from qwen3_operator.autoscale.capacity import CapacityUnknown, capacities, request_of
from qwen3_operator.autoscale.correction import corrections
from qwen3_operator.autoscale.demand import DemandWatch
from qwen3_operator.autoscale.fleet import emptiest_first, fleet, scraped
from qwen3_operator.autoscale.memory import Manual, Memory
from qwen3_operator.autoscale.prometheus import Prometheus, PrometheusError, connections
from qwen3_operator.autoscale.rooms import Rooms
from qwen3_operator.autoscale.step import Moment, step
from qwen3_operator.autoscale.store import Store
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.events import event
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.observed import ScalingView, Verdict
from qwen3_operator.scaling import PERIOD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.autoscale.samples import Samples
    from qwen3_operator.autoscale.step import Outcome
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.planner import Planner
    from qwen3_operator.settings import Settings

_LOG = logging.getLogger(__name__)
_SAVE_SECONDS = 300.0
"""Between two writes of one memory: what a killed operator loses of what it learned."""
_SAVES_EACH_ROUND = 50
_NO_PROMETHEUS = "the operator knows no Prometheus: set the chart's value prometheus.url"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(slots=True)
class _Known:
    """One deployment."""

    memory: Memory
    saved_at: float
    decision: Decision | None = None
    changes: tuple[Change, ...] = ()
    verdict: Verdict | None = None
    granted: Mapping[str, int] | None = None
    """Replicas by pool that the operator sets; None before the first decision and where it sets none."""


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
        self._client = client
        self._cache = cache
        self._planner = planner
        self._enqueue = enqueue
        self._clock = clock
        self._identity = settings.identity
        self._prometheus = Prometheus(settings.prometheus) if settings.prometheus else None
        self._store = Store(client, settings)
        self._rooms = Rooms(planner, time.monotonic)
        self._demand_changed = asyncio.Event()
        self._route_name = route_name
        self._gateways = gateways
        self._paces = paces
        self._demand = DemandWatch(client, settings, self._demand_changed.set)
        self._known: dict[Key, _Known] = {}
        self._gone: set[Key] = set()

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
        if self._known.pop(key, None) is not None:
            self._gone.add(key)
            metrics.forget_scaling(*key)

    async def run(self) -> None:
        """Decide until cancelled."""
        memories = await self._memories()
        for key, memory in memories.items():
            self._known[key] = _Known(memory, self._clock(), changes=_stored_changes(self._cache.get(key)))
        async with connections() as session, asyncio.TaskGroup() as group:
            if self._route_name is not None:
                group.create_task(self._demand.run())
            while True:
                begun = time.monotonic()
                with metrics.SCALING_ROUND_SECONDS.time():
                    await self._guarded_round(session)
                await self._wait(begun + PERIOD_SECONDS)

    async def _memories(self) -> dict[Key, Memory]:
        try:
            return await self._store.load(set(self._cache.deployments()))
        except ApiError as error:
            _LOG.warning("autoscaler begins anew", extra={"error": str(error)})
            return {}

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
            await self._save()
            return
        found, trouble = await self._read(session)
        await self._rooms.refresh({key: plan for key in specs if (plan := self._planner.in_force(key))})
        for key, spec in specs.items():
            await self._guarded_look(key, spec, found, trouble)
            await asyncio.sleep(0)  # reconciles come between
        await self._save()

    async def _wake(self) -> None:
        """Look at what sleeps and is asked for, without waiting for the round."""
        for key, spec in self._specs().items():
            plan = self._planner.in_force(key)
            asleep = plan is not None and not sum(counts(plan).values())
            if asleep and self._demanded_at(key) is not None:
                await self._guarded_look(key, spec, None, "")

    def _specs(self) -> dict[Key, DeploymentSpec]:
        """Of all deployments whose mode is not Off; what was known of others is forgotten."""
        specs: dict[Key, DeploymentSpec] = {}
        for key in self._cache.deployments():
            deployment = self._cache.get(key)
            with suppress(ValidationError):
                spec = DeploymentSpec.model_validate(deployment["spec"] if deployment else {})
                if spec.scaling.mode is not ScalingMode.OFF:
                    specs[key] = spec
        for key in self._known.keys() - specs.keys():
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

    async def _look(self, key: Key, spec: DeploymentSpec, found: Samples | None, trouble: str) -> None:
        """One deployment."""
        plan, now = self._planner.in_force(key), self._clock()
        if plan is None or not plan.placements:
            return
        known = self._known.get(key) or self._begin(key, spec, now)
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
        outcome = step(known.memory, moment)
        known.memory = outcome.memory
        _export(key, outcome)
        await self._act(key, known, asked, outcome, moment)
        self._rooms.granted(key, plan, known.granted or {})
        self._tell(key, known, record.verdict(outcome, moment, trouble), record.shown(outcome, moment))

    def _begin(self, key: Key, spec: DeploymentSpec, now: float) -> _Known:
        memory = Memory(manual=Manual(spec.replicas), active_at=now)
        known = self._known[key] = _Known(memory, now, changes=_stored_changes(self._cache.get(key)))
        return known

    async def _act(self, key: Key, known: _Known, asked: Mapping[str, int], outcome: Outcome, moment: Moment) -> None:
        known.granted = dict(outcome.granted) if outcome.applies else None
        entry = record.change(asked, outcome, moment)
        if entry is None:
            return
        fewer = {pool for pool, count in outcome.granted.items() if count < asked[pool]}
        if fewer and moment.samples is not None:
            await self._mark_emptiest(key, moment.samples)
        known.changes = record.kept(entry, known.changes)
        self._enqueue(key, 0.0)
        metrics.SCALINGS.labels("up" if entry.after > entry.before else "down", entry.rule).inc()
        await self._post(key, entry)

    async def _mark_emptiest(self, key: Key, found: Samples) -> None:
        """The ReplicaSet ends the pod with the lowest cost first. It is advice: without it any pod drains."""
        in_flight = {pod: sample.in_flight for (namespace, pod), sample in found.pods.items() if namespace == key[0]}
        pods = {pod["metadata"]["name"]: pod["metadata"] for pod in self._cache.owned(Kind.POD, key)}
        for name, cost in emptiest_first(self._cache.owned(Kind.POD, key), in_flight).items():
            metadata = pods[name]
            if (metadata.get("annotations") or {}).get(DELETION_COST, "0") == str(cost):
                continue
            manifest = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": key.namespace,
                    "uid": metadata["uid"],
                    "annotations": {DELETION_COST: str(cost)},
                },
            }
            try:
                await self._client.apply(manifest)
            except ApiError as error:
                _LOG.warning("pod not marked", extra={"object": name, "error": str(error)})

    async def _post(self, key: Key, entry: Change) -> None:
        """Events are a courtesy: the status says the same."""
        deployment = self._cache.get(key)
        if deployment is None:
            return
        about = {**deployment, "apiVersion": API_VERSION}
        try:
            await self._client.create_event(event(about, record.told(entry), self._identity, datetime.now(UTC)))
        except ApiError as error:
            _LOG.warning("event not posted", extra={"reason": entry.rule, "error": str(error)})

    def _tell(self, key: Key, known: _Known, verdict: Verdict, decision: Decision | None) -> None:
        """Have the status written where there is news."""
        news = verdict != known.verdict
        if decision is not None and record.is_news(known.decision, decision, self._clock()):
            known.decision, news = decision, True
        known.verdict = verdict
        if news:
            self._enqueue(key, 0.0)

    async def _save(self) -> None:
        """Some of those that are due, and away with what is gone."""
        while self._gone:
            await self._store.remove(self._gone.pop())
        now = self._clock()
        due = sorted((key for key, one in self._known.items() if now - one.saved_at >= _SAVE_SECONDS), key=self._saved)
        for key in due[:_SAVES_EACH_ROUND]:
            known = self._known[key]
            try:
                await self._store.save(key, known.memory)
            except ApiError as error:
                _LOG.warning("autoscaler's memory not saved", extra={"object": key.name, "error": str(error)})
            known.saved_at = now

    def _saved(self, key: Key) -> float:
        return self._known[key].saved_at

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


def _stored_changes(deployment: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """As the status has them; none where it was written by another version."""
    stored = (deployment or {}).get("status", {}).get("decisions", ())
    try:
        return tuple(Change.model_validate(entry) for entry in stored)
    except ValidationError:
        return ()


def _export(key: Key, outcome: Outcome) -> None:
    seeing = outcome.decision.observed
    metrics.SCALING_WANTED.labels(*key).set(sum(outcome.granted.values()))
    metrics.SCALING_LEVEL.labels(*key).set(seeing.level)
    metrics.SCALING_HEADROOM.labels(*key).set(seeing.headroom)
