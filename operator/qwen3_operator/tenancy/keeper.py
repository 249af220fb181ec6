"""Compiles what the gateway needs after each change, writes what differs, and tells tenants and owners.

One writer: the replica that leads. Nothing is written where nothing changed.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator import metrics
from qwen3_operator.api import tenant
from qwen3_operator.api.base import API_VERSION, GROUP, VERSION
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.conditions import transitions
from qwen3_operator.reconcile.events import event
from qwen3_operator.reconcile.kinds import Key, Resource
from qwen3_operator.reconcile.report import stored
from qwen3_operator.tenancy.compile import compile_tenancy
from qwen3_operator.tenancy.files import SECRET, GatewayFiles
from qwen3_operator.tenancy.follow import Follower
from qwen3_operator.tenancy.keys import KeySecret, read_secret
from qwen3_operator.tenancy.quotas import DeviceQuotas
from qwen3_operator.tenancy.report import tenant_status
from qwen3_operator.tenancy.usage import UsagePoller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.observed import Verdict
    from qwen3_operator.settings import Settings
    from qwen3_operator.tenancy.compile import Compiled, Grant
    from qwen3_operator.tenancy.quotas import Held
    from qwen3_operator.tenancy.view import ServedViews

_LOG = logging.getLogger(__name__)
_TENANT = Resource(tenant.KIND, GROUP, VERSION, tenant.PLURAL)
_SETTLE_SECONDS = 0.1
"""Pods change in bursts; a revoked key must be refused within a second."""
_RETRY_SECONDS = 2.0
_NOT_FOUND = 404


class TenancyKeeper:
    """Everything of tenants that the operator does."""

    def __init__(
        self,
        client: Client,
        cache: Cache,
        settings: Settings,
        served: ServedViews,
        enqueue: Callable[[Key, float], None],
    ) -> None:
        """``enqueue`` asks for a reconcile of a deployment whose offer changed."""
        self._client = client
        self._settings = settings
        self._served = served
        self._enqueue = enqueue
        self._files = GatewayFiles(client, settings)
        self._quotas = DeviceQuotas(client, cache, settings.own_namespace)
        self._changed = asyncio.Event()
        self._offers: Mapping[Key, Verdict] = {}
        self._names: Mapping[Key, str] = {}
        namespace, types = settings.own_namespace, f"type={tenant.KEY_SECRET_TYPE}"
        self._tenants: Follower[dict[str, Any]] = Follower(client, _TENANT, namespace, dict, self.changed)
        self._secrets: Follower[KeySecret] = Follower(
            client, SECRET, namespace, read_secret, self.changed, fields=types
        )
        self._usage = UsagePoller(client, namespace, self._files.usage_token, self.changed)

    def changed(self) -> None:
        """Tenants, keys, deployments, pods, quotas or what was used of them changed."""
        self._changed.set()

    def view(self, key: Key) -> Verdict | None:
        """Whether tenants reach a deployment, as far as that was looked at."""
        return self._offers.get(key)

    def route_name(self, key: Key) -> str | None:
        """What tenants' requests call a deployment; None for one that they do not reach."""
        return self._names.get(key)

    def gateways(self) -> Mapping[str, float]:
        """The gateway's ready pods, and since when, in seconds since the epoch; as of half a minute ago at most."""
        return self._usage.ready

    async def run(self) -> None:
        """Follow, compile and write until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tenants.run())
            group.create_task(self._secrets.run())
            group.create_task(self._usage.run())
            group.create_task(self._doubt())
            await self._tenants.read.wait()
            await self._secrets.read.wait()
            await self._rounds()

    async def _doubt(self) -> None:
        while True:
            await asyncio.sleep(self._settings.resync_seconds)
            self._files.doubt()
            self._quotas.doubt()
            self.changed()

    async def _rounds(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SETTLE_SECONDS)
            self._changed.clear()
            try:
                await self._round()
            except ApiError as error:
                _LOG.warning("gateway not told", extra={"error": str(error)})
                metrics.TENANCY_ROUNDS.labels("error").inc()
                await asyncio.sleep(_RETRY_SECONDS)
                self.changed()
            except Exception:  # noqa: BLE001 - the boundary
                _LOG.exception("gateway not told")
                metrics.TENANCY_ROUNDS.labels("error").inc()
            else:
                metrics.TENANCY_ROUNDS.labels("ok").inc()

    async def _round(self) -> None:
        tenants = tuple(self._tenants.objects.values())
        compiled = compile_tenancy(tenants, self._secrets.objects, self._served.all())
        await self._files.write(compiled)
        self._names = compiled.names
        self._tell_owners(compiled)
        held = await self._quotas.keep(tenants)
        for raw in tenants:
            name = raw["metadata"]["name"]
            if self._tenants.objects.get(name) is raw:  # of another one the next round tells
                await self._report(raw, compiled.grants[name], held.get(name))

    def _tell_owners(self, compiled: Compiled) -> None:
        before, self._offers = self._offers, compiled.offers
        for key in before.keys() | compiled.offers.keys():
            if before.get(key) != compiled.offers.get(key):
                self._enqueue(key, 0.0)

    async def _report(self, raw: dict[str, Any], grant: Grant, held: Held | None) -> None:
        """Write the status where it differs. One tenant's refusal must not hold up the others."""
        now, metadata = datetime.now(UTC), raw["metadata"]
        counted = self._usage.view(metadata["name"])
        status = tenant_status(raw, grant, counted, now.strftime("%Y-%m-%dT%H:%M:%SZ"), held)
        written = stored(status)
        previous = raw.get("status") or {}
        if written == previous:
            return
        identity = {name: metadata[name] for name in ("name", "namespace", "uid")}
        manifest = {"apiVersion": API_VERSION, "kind": tenant.KIND, "metadata": identity, "status": written}
        path = _TENANT.path(metadata["namespace"], metadata["name"], "status")
        try:
            applied = await self._client.apply_at(path, manifest, verb="apply/status")
        except ApiError as error:
            if not error.is_refusal and error.status != _NOT_FOUND:
                raise
            _LOG.warning("tenant status not written", extra={"object": metadata["name"], "error": str(error)})
            return
        self._tenants.put(applied)
        for transition in transitions(previous.get("conditions", ()), status.conditions):
            body = event(raw, transition, self._settings.identity, now, kind=tenant.KIND)
            await self._post(body)

    async def _post(self, body: dict[str, Any]) -> None:
        """Events are a courtesy: the condition says the same."""
        try:
            await self._client.create_event(body)
        except ApiError as error:
            _LOG.warning("event not posted", extra={"reason": body["reason"], "error": str(error)})
