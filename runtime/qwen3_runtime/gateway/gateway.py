"""Wires the parts of one gateway process."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.accesslog import AccessLog
from qwen3_runtime.gateway.bodies import PART_OF_MEMORY, Bodies, memory
from qwen3_runtime.gateway.demand import report
from qwen3_runtime.gateway.directory import Directory
from qwen3_runtime.gateway.dispatch import Patience
from qwen3_runtime.gateway.estimate import Estimates
from qwen3_runtime.gateway.files import follow
from qwen3_runtime.gateway.front import Front
from qwen3_runtime.gateway.keys import UsageToken
from qwen3_runtime.gateway.ledger import Ledger
from qwen3_runtime.gateway.limits.local import LocalStore
from qwen3_runtime.gateway.limits.shared import SharedStore
from qwen3_runtime.gateway.management import management_app
from qwen3_runtime.gateway.metrics import Metrics
from qwen3_runtime.gateway.objects import Cluster, object_names
from qwen3_runtime.server.arrivals import LONGEST_LAME_DUCK
from qwen3_runtime.server.listen import Listener
from qwen3_runtime.tenancy import Routes, Tenants, TenantUsage, UsageReport

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from qwen3_runtime.gateway.limits.types import Store
    from qwen3_runtime.gateway.settings import Settings
    from qwen3_runtime.gateway.spans import Spans

logger = logging.getLogger(__name__)

COLLECTOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
CONNECTIONS = 20_000
"""At once; above it a connection's request gets 503. Each costs some 25 KB (docs/gateway.md)."""
LAME_DUCK_SECONDS = 10.0
"""After SIGTERM requests are served until none has come for so long: the Service then has forgotten the endpoint."""


def _spans() -> Spans | None:
    """Where OpenTelemetry's own variables say that there is a collector."""
    if not any(os.environ.get(name) for name in COLLECTOR):
        return None
    from qwen3_runtime.gateway.spans import Spans  # noqa: PLC0415  # only for those who ask for it

    return Spans()


class Gateway:
    """One process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.directory = Directory(Patience(busy=settings.max_wait_seconds, sleeping=settings.max_hold_seconds))
        self.usage_token = UsageToken()
        self.metrics = Metrics()
        self.ledger = None if settings.ledger is None else Ledger(settings.ledger)
        self._local = LocalStore()
        if self.ledger is not None:
            self._local.restore(self.ledger.used())
        self._shared = SharedStore(settings.store) if settings.store else None
        self.metrics.store_away.set_function(self._is_store_away)
        self._log = AccessLog(sys.stdout)
        self._spans = _spans()
        self._bodies = Bodies(memory() // PART_OF_MEMORY)
        self.metrics.held_bytes.set_function(lambda: self._bodies.held)
        self._ending = False

    @property
    def is_ready(self) -> bool:
        """Whether new requests may come."""
        return self.directory.is_complete and not self._ending

    def _is_store_away(self) -> float:
        return float(self._shared is not None and self._shared.is_away)

    @property
    def _store(self) -> Store:
        return self._shared or self._local

    async def usage(self) -> UsageReport:
        """What each tenant uses now."""
        tenants = []
        for name, tenant in self.directory.tenants.items():
            last = self.directory.last_used.get(name)
            moment = None if last is None else datetime.fromtimestamp(last, UTC).isoformat(timespec="seconds")
            limits = await self._store.usage(tenant)
            tenants.append(
                TenantUsage(tenant=name, limits=limits, last_used_at=moment and moment.replace("+00:00", "Z"))
            )
        return UsageReport(tenants=tuple(tenants))

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set and running requests have ended or their time is up."""
        settings = self._settings
        front = Front(
            self.directory,
            estimates=Estimates(),
            store=self._store,
            ledger=self.ledger,
            metrics=self.metrics,
            log=self._log,
            bodies=self._bodies,
            spans=self._spans,
        )
        api = Listener(
            front,
            settings.port,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=settings.drain_seconds,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
        management = Listener(management_app(self), settings.management_port)
        working = [asyncio.create_task(source) for source in self._sources()]
        if self.ledger is not None:
            working.append(asyncio.create_task(self.ledger.run()))
        if self._shared is not None:
            working.append(asyncio.create_task(self._shared.run()))
        for listener in (management, api):
            await listener.open()
        logger.info("serving on port %d, management on %d", api.port, management.port)
        try:
            await stop.wait()
            self._ending = True
            if settings.tenants is None:  # it is behind a Service
                await front.arrivals.quiet(LAME_DUCK_SECONDS, within=LONGEST_LAME_DUCK * LAME_DUCK_SECONDS)
        finally:
            await api.close()
            await management.close()
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            if self._shared is not None:
                await self._shared.close()
            if self.ledger is not None:
                self.ledger.close()
            self._log.flush()
            if self._spans is not None:
                await asyncio.to_thread(self._spans.close)

    def _sources(self) -> tuple[Coroutine[Any, Any, None], ...]:
        def take_tenants(text: bytes) -> None:
            self.directory.set_tenants(Tenants.model_validate_json(text))

        def take_routes(text: bytes) -> None:
            self.directory.set_routes(Routes.model_validate_json(text))

        settings = self._settings
        if settings.tenants is not None and settings.routes is not None:
            files = [follow(settings.tenants, take_tenants), follow(settings.routes, take_routes)]
            if settings.usage_token is not None:
                files.append(follow(settings.usage_token, self.usage_token.set))
            return tuple(files)
        cluster = Cluster.from_pod(settings.namespace)
        names = object_names(settings.fullname)
        return (
            cluster.follow(names.tenants, take_tenants),
            cluster.follow(names.usage_token, self.usage_token.set),
            cluster.follow(names.routes, take_routes),
            report(self.directory, cluster, names.demand),
        )
