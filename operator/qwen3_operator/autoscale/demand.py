"""Requests that wait for a deployment to wake, as the gateway reports them in a ConfigMap."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator.autoscale.store import CONFIG_MAP
from qwen3_operator.reconcile.client import ApiError
from qwen3_runtime.tenancy import DEMAND_KEY, DEMAND_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.settings import Settings

_LOG = logging.getLogger(__name__)
_WATCH_SECONDS = 300
_RETRY_SECONDS = 5.0
_REFUSED_SECONDS = 60.0


class DemandWatch:
    """Follows the ConfigMap by name; calls ``changed`` for each new text."""

    def __init__(self, client: Client, settings: Settings, changed: Callable[[], None]) -> None:
        self._client = client
        self._namespace, self._name = settings.own_namespace, settings.full_name + DEMAND_SUFFIX
        self._changed = changed
        self.demanded_at: Mapping[str, float] = {}
        """Seconds since the epoch, by route: the name that requests carry."""

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._follow()
            except ApiError as error:
                _LOG.warning("demand not read", extra={"error": str(error)})
                await asyncio.sleep(_REFUSED_SECONDS if error.is_refusal else _RETRY_SECONDS)

    async def _follow(self) -> None:
        listed = await self._client.find_named(CONFIG_MAP, self._namespace, self._name)
        found = demand(next(iter(listed.items), {}))
        if found != self.demanded_at:
            self.demanded_at = found
            self._changed()
        version = listed.resource_version
        await self._client.wait_for_change(CONFIG_MAP, self._namespace, self._name, version, _WATCH_SECONDS)


def demand(config_map: Mapping[str, Any]) -> dict[str, float]:
    """Seconds since the epoch by route; entries that are no times are left out."""
    try:
        entries = json.loads((config_map.get("data") or {}).get(DEMAND_KEY, "{}"))
    except ValueError:
        return {}
    found: dict[str, float] = {}
    for route, at in entries.items() if isinstance(entries, dict) else ():
        try:
            found[route] = datetime.fromisoformat(at).timestamp()
        except (TypeError, ValueError):
            continue
    return found
