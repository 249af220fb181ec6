"""Asks one of the gateway's pods what each tenant has used; any of them answers for all."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import aiohttp
from pydantic import ValidationError

from qwen3_operator import metrics
from qwen3_operator.manifests.network import GATEWAY_LABELS
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.management import fetch
from qwen3_operator.reconcile.observed import PodView
from qwen3_runtime.tenancy import TenantUsage, UsageReport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from qwen3_operator.reconcile.client import Client

_LOG = logging.getLogger(__name__)
_PERIOD_SECONDS = 30.0
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_MAX_BYTES = 16 << 20
_SELECTOR = ",".join(f"{name}={value}" for name, value in GATEWAY_LABELS.items())


class UsagePoller:
    """Remembers the last answer by tenant."""

    def __init__(
        self, client: Client, namespace: str, token: Callable[[], Awaitable[str]], changed: Callable[[], None]
    ) -> None:
        """``token`` is what the gateway opens its usage to."""
        self._client = client
        self._namespace = namespace
        self._token = token
        self._changed = changed
        self._known: dict[str, TenantUsage] = {}
        self.ready: Mapping[str, float] = {}
        """The gateway's pods at the last look, and since when each is ready, in seconds since the epoch."""

    def view(self, tenant: str) -> TenantUsage | None:
        """What is known of a tenant."""
        return self._known.get(tenant)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
            while True:
                await self._round(session)
                await asyncio.sleep(_PERIOD_SECONDS)

    async def _round(self, session: aiohttp.ClientSession) -> None:
        try:
            address = await self._address()
            report = await _read(session, address, await self._token()) if address else None
        except (ApiError, aiohttp.ClientError, OSError, ValidationError) as error:
            _LOG.warning("gateway not asked for usage", extra={"error": type(error).__name__})
            metrics.USAGE_READS.labels("failed").inc()
            return
        if report is not None:
            metrics.USAGE_READS.labels("ok").inc()
            self._known = {usage.tenant: usage for usage in report.tenants}
            self._changed()

    async def _address(self) -> str:
        """Of the gateway's oldest ready pod; empty where there is none."""
        listed = await self._client.list(Kind.POD, namespace=self._namespace, labels=_SELECTOR)
        views = [view for view in map(PodView, listed.items) if view.is_ready]
        views.sort(key=lambda view: str(view.pod["metadata"]["creationTimestamp"]))
        self.ready = {view.name: view.ready_since(time.time()) for view in views}
        return next((str(view.status["podIP"]) for view in views if view.status.get("podIP")), "")


async def _read(session: aiohttp.ClientSession, address: str, token: str) -> UsageReport:
    body = await fetch(session, address, "/usage", _MAX_BYTES, {"authorization": f"Bearer {token}"})
    return UsageReport.model_validate_json(body)
