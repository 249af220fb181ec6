"""Which plan is in force. Plans are kept; only a new spec, or new room after a failure, makes a new one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator import metrics
from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.inventory import Inventory, Reservation, Survey
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.promises import UNFINISHED_PODS, promised, stored_plan
from qwen3_operator.sizing import PlanFailure, has_room, plan, spec_digest, thinking_failure, with_counts, with_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client

    Scale = Callable[[PlanStatus | None], Mapping[str, int] | None]

_SNAPSHOT_SECONDS = 1.0
"""Nodes and pods are listed once for all plans of this window; what those plans took is reserved on top."""
_ATTEMPTS = 3
"""Plans made for one answer while the cluster changes. Pods of one that does not hold any more wait for room, as they
would had it been lost a moment later."""


def no_scale(_: PlanStatus | None) -> Mapping[str, int] | None:
    """``spec.replicas`` counts."""
    return None


class Answer(NamedTuple):
    """The plan in force and, where the current spec has none, why."""

    plan: PlanStatus | None
    failure: PlanFailure | None = None
    replanned: str = ""
    """The wish for a new plan (annotation) that was acted on last."""


class _Snapshot(NamedTuple):
    taken_at: float
    survey: Survey
    pods: list[dict[str, Any]]
    """Those of Qwen3Deployments, few of all."""


class Planner:
    """Remembers plans that are not in the cache's statuses yet, and failures until there is new room."""

    def __init__(
        self, client: Client, cache: Cache, catalog: Catalog, clock: Callable[[], float], *, groups: bool = False
    ) -> None:
        """``groups``: whether replicas may span nodes."""
        self._client = client
        self._cache = cache
        self._catalog = catalog
        self._clock = clock
        self._groups = groups
        self._lock = asyncio.Lock()
        self._plans: dict[Key, PlanStatus] = {}
        self._stored: dict[Key, tuple[str, PlanStatus | None]] = {}
        self._replanned: dict[Key, str] = {}
        self._failures: dict[Key, tuple[str, PlanFailure]] = {}
        self._snapshot: _Snapshot | None = None
        self._changes = 0
        self._planning: Key | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="planner")

    @property
    def catalog(self) -> Catalog:
        """What plans are made with."""
        return self._catalog

    def use(self, catalog: Catalog) -> None:
        """Plan with another catalog from now on; what is planned stays."""
        self._catalog = catalog
        self.capacity_changed()

    @property
    def waiting(self) -> tuple[Key, ...]:
        """Deployments that a change of the cluster may give a plan, also the one that is planned at this moment."""
        return tuple(dict.fromkeys((*self._failures, *([self._planning] if self._planning else []))))

    def forget(self, key: Key) -> None:
        """The deployment is gone, and what it was promised is free."""
        for memory in (self._plans, self._stored, self._replanned, self._failures):
            memory.pop(key, None)

    def capacity_changed(self) -> None:
        """Failed plans are tried again at the next reconcile, on a new LIST."""
        self._failures = {key: ("", failure) for key, (_, failure) in self._failures.items()}
        self._snapshot = None
        self._changes += 1

    async def answer(
        self, key: Key, spec: DeploymentSpec, status: dict[str, Any], wish: str = "", scale: Scale = no_scale
    ) -> Answer:
        """The plan in force for this spec. Reads nodes and pods only when it has to plan.

        Args:
            key: The deployment.
            spec: Its spec.
            status: Its status as it is stored.
            wish: Value of the annotation that asks for a new plan; each value is acted on once.
            scale: Replicas by pool instead of ``spec.replicas``, for the plan in force.

        Raises:
            ApiError: nodes or pods could not be listed.
        """
        current, asked = self._known(key, status), spec_digest(spec)
        done = self._replanned.get(key) or status.get("replanned", "")
        is_wished, is_current = bool(wish) and wish != done, current is not None and current.spec_digest == asked
        counts = scale(current)
        if current is not None and is_current and not is_wished and _is_scaled(current, spec.replicas, counts):
            self._failures.pop(key, None)
            return Answer(current, kept_failure(current, spec, self._catalog), done)
        digest = f"{asked}/{spec.replicas}"
        known_digest, failure = self._failures.get(key, ("", None))
        if failure is not None and known_digest == digest and not is_wished:
            return Answer(current, failure, done)
        async with self._lock:  # two plans must not take the same devices
            if current is not None and is_current and not is_wished and counts is not None:
                return self._settle(key, digest, current, with_counts(current, counts, await self.room(key)))
            if current is not None and is_current and not is_wished and spec.replicas is not None:
                return self._settle(key, digest, current, with_replicas(current, spec.replicas, await self.room(key)))
            changes = self._changes
            # What the autoscaler found is kept by another plan, too: a spec that changes must not drop replicas.
            kept = spec if counts is None else spec.model_copy(update={"replicas": sum(counts.values())})
            found = await self._made(key, kept)
            if changes != self._changes:
                digest = ""  # a failure is of a cluster that is not there any more
            self._replanned[key] = wish or done
            if isinstance(found, PlanFailure) and current is not None and is_current:
                metrics.PLANS.labels(found.reason).inc()
                return Answer(current, None, self._replanned[key])  # a wish that cannot be met takes nothing away
            return self._settle(key, digest, current, found)

    async def _made(self, key: Key, spec: DeploymentSpec) -> PlanStatus | PlanFailure:
        """A plan that has its room when it is promised, not only when it was begun."""
        self._planning = key
        try:
            for _ in range(_ATTEMPTS - 1):
                changes = self._changes
                found = await self.think(spec, await self.room(key))
                if isinstance(found, PlanFailure) or changes == self._changes or has_room(found, await self.room(key)):
                    return found
            return await self.think(spec, await self.room(key))
        finally:
            self._planning = None

    async def think(self, spec: DeploymentSpec, room: Inventory) -> PlanStatus | PlanFailure:
        """Plan in a thread: over many pools it takes seconds, and the event loop has probes and a Lease to serve."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, plan, spec, room, self._catalog)

    def _settle(self, key: Key, digest: str, current: PlanStatus | None, found: PlanStatus | PlanFailure) -> Answer:
        done = self._replanned.get(key, "")
        if isinstance(found, PlanFailure):
            metrics.PLANS.labels(found.reason).inc()
            self._failures[key] = (digest, found)
            return Answer(current, found, done)
        metrics.PLANS.labels("Planned").inc()
        self._failures.pop(key, None)
        self._plans[key] = found
        return Answer(found, None, done)

    def _known(self, key: Key, status: dict[str, Any]) -> PlanStatus | None:
        """The newest plan of this process; after a restart the stored one."""
        if key not in self._plans and (stored := stored_plan(status)):
            self._plans[key] = stored
        return self._plans.get(key)

    def in_force(self, key: Key) -> PlanStatus | None:
        """The plan of a deployment, made by this process or stored."""
        deployment = self._cache.get(key)
        return self._plans.get(key) or (self._read(key, deployment) if deployment else None)

    async def room(self, key: Key | None, max_age: float = _SNAPSHOT_SECONDS) -> Inventory:
        """What there is for a deployment, whose own pods and promises take nothing; for None, what is free now.

        Args:
            key: The deployment.
            max_age: Seconds for which a LIST will do, unless nodes or pods are known to have changed.

        Raises:
            ApiError: nodes or pods could not be listed.
        """
        snapshot = self._snapshot
        if snapshot is None or self._clock() - snapshot.taken_at > max_age:
            snapshot = await self._look()
        return snapshot.survey.inventory(key, tuple(self.reserved(key, snapshot.pods)) if key else ())

    async def _look(self) -> _Snapshot:
        """A new LIST, which is kept unless something changed while it was under way."""
        changes = self._changes
        nodes = await self._client.list(Kind.NODE)
        pods = await self._client.list(Kind.POD, fields=UNFINISHED_PODS)
        survey = Survey(nodes.items, pods.items, self._catalog, self.pools, groups=self._groups, quotas=self.quotas)
        ours = [pod for pod in pods.items if DEPLOYMENT_LABEL in (pod["metadata"].get("labels") or {})]
        snapshot = _Snapshot(self._clock(), survey, ours)
        if changes == self._changes:
            self._snapshot = snapshot
        return snapshot

    @property
    def pools(self) -> tuple[dict[str, Any], ...]:
        """The AcceleratorPools."""
        return tuple(self._cache.all(Kind.ACCELERATOR_POOL))

    @property
    def quotas(self) -> tuple[dict[str, Any], ...]:
        """The ResourceQuotas."""
        return tuple(self._cache.all(Kind.RESOURCE_QUOTA))

    def reserved(self, planning: Key, pods: list[dict[str, Any]]) -> Iterator[Reservation]:
        """What others were promised and have not bound yet, as seen in the same LIST.

        On a replica that does not lead the stored plans change, so they are remembered by their version only.
        """
        held = ((key, self.in_force(key)) for key in self._cache.deployments() if key != planning)
        return promised(((key, plan) for key, plan in held if plan is not None), pods)

    def _read(self, key: Key, deployment: dict[str, Any]) -> PlanStatus | None:
        version = deployment["metadata"]["resourceVersion"]
        if key not in self._stored or self._stored[key][0] != version:
            self._stored[key] = version, stored_plan(deployment.get("status", {}))
        return self._stored[key][1]


def kept_failure(current: PlanStatus, spec: DeploymentSpec, catalog: Catalog) -> PlanFailure | None:
    """Why a plan that stays in force does not carry out what is no part of planning."""
    model = catalog.models.get(current.model)
    return thinking_failure(spec, model, catalog) if model else None


def planned_replicas(current: PlanStatus) -> int:
    """Replicas of all placements."""
    return sum(placement.replicas for placement in current.placements)


def _is_scaled(current: PlanStatus, asked: int | None, counts: Mapping[str, int] | None) -> bool:
    """Whether the plan has the replicas asked for; left open it keeps those that it has, unless that is none."""
    if counts is not None:
        return all(placement.replicas == counts.get(placement.pool) for placement in current.placements)
    planned = planned_replicas(current)
    return planned > 0 if asked is None else planned == asked
