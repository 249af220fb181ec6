"""Keeps the status of AcceleratorPools: after changes, in rounds, and only what differs is written."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import API_VERSION
from qwen3_operator.api.pool import KIND
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.pool_report import pool_status

if TYPE_CHECKING:
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.planner import Planner

_LOG = logging.getLogger(__name__)
_NOT_FOUND = 404
_SETTLE_SECONDS = 2.0
"""Pods and nodes change in bursts; one round answers the burst, and one LIST serves the round."""


class PoolKeeper:
    """Without AcceleratorPools it does nothing and asks for nothing."""

    def __init__(self, client: Client, cache: Cache, planner: Planner) -> None:
        self._client = client
        self._cache = cache
        self._planner = planner
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Pools, nodes or what is free on them changed."""
        self._changed.set()

    async def run(self) -> None:
        """Report until cancelled."""
        self.changed()
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SETTLE_SECONDS)
            self._changed.clear()
            try:
                await self._round()
            except ApiError as error:
                _LOG.warning("pools not reported", extra={"error": str(error)})
                self._changed.set()
            except Exception:  # noqa: BLE001 - the boundary
                _LOG.exception("pools not reported")

    async def _round(self) -> None:
        pools = self._planner.pools
        if not pools:
            return
        room = await self._planner.room(None)
        for pool in pools:
            await self._report(pool, room)

    async def _report(self, pool: dict[str, Any], room: Inventory) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = pool_status(pool, room, self._planner.catalog, now).to_json()
        if status == pool.get("status"):
            return
        metadata = {name: pool["metadata"][name] for name in ("name", "uid")}
        manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": status}
        path = Kind.ACCELERATOR_POOL.value.path(None, metadata["name"], "status")
        try:
            written = await self._client.apply_at(path, manifest, verb="apply/status")
        except ApiError as error:
            if not error.is_refusal and error.status != _NOT_FOUND:
                raise
            _LOG.warning("pool status not written", extra={"object": metadata["name"], "error": str(error)})
            return
        self._cache.put(Kind.ACCELERATOR_POOL, written)
