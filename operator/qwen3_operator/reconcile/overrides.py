"""The ConfigMap whose rows override the shipped catalog: watched by name, on every replica.

What arrives from the watch is only the signal to read again: a ConfigMap may be larger than a line of it may be.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator import metrics
from qwen3_operator.catalog import CatalogError, CatalogProblem, catalog_texts, overlaid
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.conditions import Transition
from qwen3_operator.reconcile.events import event
from qwen3_operator.reconcile.kinds import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.settings import Settings

_LOG = logging.getLogger(__name__)
_CONFIG_MAP = Resource("ConfigMap", "", "v1", "configmaps")
_WATCH_SECONDS = 300
_SETTLE_SECONDS = 0.5
_RETRY_SECONDS = 5.0
_REFUSED_SECONDS = 60.0
"""Without the right to read it the shipped catalog stands; somebody may grant it later."""
_MAX_EVENTS = 10
"""One per refused row; more would only repeat the mistake."""


class Overrides:
    """Hands every new catalog to ``use``."""

    def __init__(
        self, client: Client, settings: Settings, use: Callable[[Catalog], None], leads: Callable[[], bool]
    ) -> None:
        self._client = client
        self._settings = settings
        self._use = use
        self._leads = leads
        self._found: dict[str, Any] | None = None
        self._problems: tuple[CatalogProblem, ...] = ()
        self._told: tuple[CatalogProblem, ...] = ()
        self.read = asyncio.Event()
        """Set when the ConfigMap was looked for once: plans made before might miss its rows."""

    async def run(self) -> None:
        """Follow the ConfigMap until cancelled."""
        while True:
            try:
                await self._follow()
            except ApiError as error:
                _LOG.warning("catalog overrides not read", extra={"error": str(error)})
                self.read.set()
                await asyncio.sleep(_REFUSED_SECONDS if error.is_refusal else _RETRY_SECONDS)

    async def _follow(self) -> None:
        namespace, name = self._settings.own_namespace, self._settings.catalog_config_map
        listed = await self._client.find_named(_CONFIG_MAP, namespace, name)
        await self._take(next(iter(listed.items), None))
        self.read.set()
        await self.tell()
        await self._client.wait_for_change(_CONFIG_MAP, namespace, name, listed.resource_version, _WATCH_SECONDS)
        await asyncio.sleep(_SETTLE_SECONDS)

    async def _take(self, found: dict[str, Any] | None) -> None:
        """Build the catalog anew where the texts changed; what cannot be built leaves the last one in force."""
        before, self._found = self._found, found
        texts = _texts(found)
        if texts == _texts(before):
            return
        try:
            catalog, problems = await asyncio.to_thread(overlaid, catalog_texts(), texts)
        except CatalogError as error:
            problems = (error.problem,)
        else:
            self._use(catalog)
            _LOG.info("catalog", extra={"version": catalog.version, "files": sorted(texts)})
        self._problems = problems
        metrics.CATALOG_PROBLEMS.set(len(problems))
        for problem in problems:
            fields = {"file": problem.file, "row": problem.row, "field": problem.field}
            _LOG.warning("catalog row refused", extra={**fields, "error": problem.message})

    async def tell(self) -> None:
        """Post an Event for each refused row that was not told of yet; one replica does so."""
        if not self._leads() or self._found is None or self._told == self._problems:
            return
        new = [problem for problem in self._problems if problem not in self._told]
        self._told = self._problems
        for problem in new[:_MAX_EVENTS]:
            transition = Transition("Warning", "CatalogRowRefused", str(problem))
            instance, now = self._settings.identity, datetime.now(UTC)
            body = event(self._found, transition, instance, now, api_version="v1", kind=_CONFIG_MAP.kind)
            try:
                await self._client.create_event(body)
            except ApiError as error:
                _LOG.warning("event not posted", extra={"reason": transition.reason, "error": str(error)})


def _texts(found: Mapping[str, Any] | None) -> dict[str, str]:
    return dict((found or {}).get("data") or {})
