"""One operator process: cache and probes on every replica, reconciling on the one that leads."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from aiohttp import web
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config.config_exception import ConfigException

from qwen3_operator import http, metrics
from qwen3_operator.admission import Admission
from qwen3_operator.autoscale.loop import Autoscaler
from qwen3_operator.catalog import load_catalog
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import ApiError, Client
from qwen3_operator.reconcile.freshness import Freshness
from qwen3_operator.reconcile.intake import Intake
from qwen3_operator.reconcile.kinds import Key, Kind, kinds_with
from qwen3_operator.reconcile.leader import Leadership
from qwen3_operator.reconcile.meters import Meters
from qwen3_operator.reconcile.mounts import MountFailures
from qwen3_operator.reconcile.overrides import Overrides
from qwen3_operator.reconcile.phases import PhasePoller
from qwen3_operator.reconcile.planner import Planner
from qwen3_operator.reconcile.pools import PoolKeeper
from qwen3_operator.reconcile.preview import Preview
from qwen3_operator.reconcile.queue import WorkQueue
from qwen3_operator.reconcile.reconciler import Reconciler
from qwen3_operator.reconcile.sweep import sweep, sweep_forever
from qwen3_operator.reconcile.watch import Watch
from qwen3_operator.reconcile.worker import work
from qwen3_operator.tenancy.keeper import TenancyKeeper
from qwen3_operator.tenancy.offers import NO_GATEWAY
from qwen3_operator.tenancy.view import ServedViews

if TYPE_CHECKING:
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.settings import AdmissionSettings, Settings

_LOG = logging.getLogger(__name__)
_KINDS_SECONDS = 15
"""Between two looks at which kinds there are, of one small request each."""


class WatchEnded(Exception):  # noqa: N818 - an event, not a programming error
    """kopf ended; a new process starts with a new LIST."""


class KindsChanged(Exception):  # noqa: N818 - likewise
    """The LeaderWorkerSet controller was installed or removed; a new process watches what there is."""


class Process:
    """Owns everything that lives as long as the process. Built inside the main event loop."""

    def __init__(self, api: ApiClient, settings: Settings, *, groups: bool) -> None:
        """``groups``: whether the cluster has LeaderWorkerSets, for replicas over several nodes."""
        self._settings = settings
        self._groups, self._kinds = groups, kinds_with(groups=groups)
        self._loop = asyncio.get_running_loop()
        self._client = Client(api)
        self._cache = Cache()
        self._queue: WorkQueue[Key] = WorkQueue(time.monotonic)
        planner = Planner(self._client, self._cache, load_catalog(), time.monotonic, groups=groups)
        self._planner = planner
        self._pools = PoolKeeper(self._client, self._cache, planner)
        self._freshness = Freshness(self._cache, planner, self._queue.add, time.monotonic)
        self._meters = Meters(self._cache, planner, self._queue.add, time.monotonic)
        self._intake = Intake(
            self._cache,
            self._queue.add,
            lambda: planner.waiting,
            self._capacity_changed,
            devices_taken=self._pools.changed,
            routes_changed=self._routes_changed,
        )
        served = ServedViews(self._cache, planner)
        self._tenancy = (
            TenancyKeeper(self._client, self._cache, settings, served, self._queue.add) if settings.gateway else None
        )
        self._leadership = Leadership(api, settings)
        self._overrides = Overrides(self._client, settings, self._use, self._leadership.held.is_set)
        self._phases = PhasePoller(self._cache, self._queue.add)
        self._mounts = MountFailures(self._client, self._cache, self._queue.add)
        self._autoscaler = Autoscaler(
            self._client,
            self._cache,
            planner,
            settings,
            self._queue.add,
            route_name=self._tenancy.route_name if self._tenancy else None,
            gateways=self._tenancy.gateways if self._tenancy else dict,
            paces=self._meters.paces,
        )
        self._reconciler = Reconciler(
            self._client,
            self._cache,
            planner,
            settings=settings,
            phase=self._phases.view,
            mount_failure=self._mounts.message,
            again=self._queue.add,
            freshness=self._freshness,
            meters=self._meters,
            offered=self._tenancy.view if self._tenancy else lambda _: NO_GATEWAY,
            autoscaler=self._autoscaler,
        )
        self._watch = Watch(
            self._take, self._loop, namespaces=settings.namespaces, identity=settings.identity, kinds=self._kinds
        )
        self._preview = Preview(
            self._client,
            lambda: planner.catalog,
            planner.reserved,
            time.monotonic,
            pools=lambda: planner.pools,
            quotas=lambda: planner.quotas,
            groups=groups,
        )
        self._synced = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            LeadershipLost: another replica may lead.
            WatchEnded: events no longer arrive.
            KindsChanged: there are other kinds to watch.
        """
        async with AsyncExitStack() as stack:
            await self._serve(stack)
            stack.push_async_callback(self._leadership.release)
            stack.callback(self._watch.stop)
            self._watch.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._die_with_the_watch())
                group.create_task(self._die_with_the_kinds())
                group.create_task(self._sweeps())
                group.create_task(self._overrides.run())
                group.create_task(self._leadership.keep())
                group.create_task(self._lead(group))
                if self._settings.admission is not None:
                    group.create_task(self._admission(self._settings.admission).run())

    async def _serve(self, stack: AsyncExitStack) -> None:
        app = http.application(self._watch.is_alive, self._is_ready, self._refresh_gauges)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, port=self._settings.http_port).start()

    def _admission(self, settings: AdmissionSettings) -> Admission:
        namespace, leads = self._settings.own_namespace, self._leadership.held.is_set
        return Admission(self._client, settings, namespace, judge=self._preview, leads=leads)

    async def _die_with_the_watch(self) -> None:
        await self._watch.ended
        raise WatchEnded if await self._are_kinds_served() else KindsChanged

    async def _die_with_the_kinds(self) -> None:
        while await self._are_kinds_served():  # noqa: ASYNC110 - the API server sends no event for it
            await asyncio.sleep(_KINDS_SECONDS)
        raise KindsChanged

    async def _are_kinds_served(self) -> bool:
        """Whether the cluster still has the kinds that this process watches; an error says nothing."""
        try:
            return await self._client.serves(Kind.LEADER_WORKER_SET.value) == self._groups
        except ApiError as error:
            _LOG.warning("kinds not looked at", extra={"error": str(error)})
            return True

    async def _sweeps(self) -> None:
        namespaces = self._settings.namespaces
        await sweep(self._client, self._cache, self._intake, namespaces, self._kinds)
        self._synced.set()
        _LOG.info("synced", extra={"objects": {kind.value.plural: self._cache.count(kind) for kind in Kind}})
        await sweep_forever(
            self._client,
            self._cache,
            self._intake,
            self._queue,
            namespaces=namespaces,
            kinds=self._kinds,
            period=self._settings.resync_seconds,
        )

    async def _lead(self, group: asyncio.TaskGroup) -> None:
        """Reconcile from a full cache only: an object that is not in it yet would look deleted."""
        await self._leadership.held.wait()
        await self._synced.wait()
        await self._overrides.read.wait()
        await self._overrides.tell()
        group.create_task(self._phases.run())
        group.create_task(self._mounts.run())
        group.create_task(self._pools.run())
        group.create_task(self._freshness.run())
        group.create_task(self._meters.run())
        if self._tenancy is not None:
            group.create_task(self._tenancy.run())
        group.create_task(self._autoscaler.run())
        for _ in range(self._settings.workers):
            group.create_task(work(self._queue, self._reconciler.reconcile))

    def _use(self, catalog: Catalog) -> None:
        """Plan with another catalog from now on, also what waits for one."""
        self._planner.use(catalog)
        self._intake.retry_waiting(0.0)

    def _capacity_changed(self) -> None:
        """Nodes, pools, the catalog or what is free changed."""
        self._planner.capacity_changed()
        self._freshness.world_changed()
        self._pools.changed()

    def _routes_changed(self) -> None:
        """A deployment, one of its pods or a tenant's quota changed."""
        if self._tenancy is not None:
            self._tenancy.changed()

    def _take(self, kind: Kind, change: str | None, obj: dict[str, Any]) -> None:
        """A change from the watch. kopf leaves the kind out of listed objects."""
        if change == "DELETED":
            self._intake.remove(kind, obj)
        else:
            self._intake.upsert(kind, obj)

    def _is_ready(self) -> bool:
        return self._synced.is_set() and self._watch.started.is_set() and self._watch.is_alive()

    def _refresh_gauges(self) -> None:
        metrics.QUEUE_DEPTH.set(len(self._queue))
        now = time.monotonic()
        for kind in Kind:
            metrics.CACHED.labels(kind.value.kind).set(self._cache.count(kind))
            if kind in self._intake.seen_at:
                metrics.WATCH_AGE.labels(kind.value.kind).set(now - self._intake.seen_at[kind])


async def connect(kubeconfig: str | None = None) -> ApiClient:
    """The API server of the pod's service account; outside a cluster that of a kubeconfig, by default KUBECONFIG's."""
    configuration = Configuration()
    try:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except ConfigException:
        await config.load_kube_config(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
    # aiohttp would look for ~/.netrc in a thread before each request; proxies come from the kubeconfig
    configuration.client_session_kwargs = {"trust_env": False}
    return ApiClient(configuration)
