"""Reads ``/phase`` of pods that are on their way, or to other adapters, in one loop for all of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from pydantic import ValidationError

from qwen3_operator import metrics
from qwen3_operator.reconcile.adapters import is_as_listed
from qwen3_operator.reconcile.kinds import Key, Kind, owner_key
from qwen3_operator.reconcile.management import fetch
from qwen3_operator.reconcile.observed import PhaseView, PodView, Unreachable
from qwen3_runtime.config import MANAGEMENT_PORT, Phase, PhaseReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.reconcile.cache import Cache

_LOG = logging.getLogger(__name__)
_PERIOD_SECONDS = 2.0
_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_PARALLEL = 32
_MAX_BYTES = 64 * 1024
_TOLERATED_FAILURES = 3
"""A container needs a few seconds before its first answer; silence for longer is a finding."""
_RARE_ROUNDS = 30
"""From one question to the next to a pod that serves and is silent: its port may be closed to the operator for good."""


class _Known(NamedTuple):
    view: PhaseView
    failures: int


class PhasePoller:
    """Remembers the last answer of each pod by uid."""

    def __init__(self, cache: Cache, enqueue: Callable[[Key], None]) -> None:
        self._cache = cache
        self._enqueue = enqueue
        self._known: dict[str, _Known] = {}
        self._rounds = 0

    def view(self, uid: str) -> PhaseView:
        """What is known of a pod."""
        known = self._known.get(uid)
        return known.view if known else None

    async def run(self) -> None:
        """Poll until cancelled."""
        connector = aiohttp.TCPConnector(limit=_PARALLEL, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=False) as session:
            while True:
                try:
                    await self._round(session)
                except Exception:  # noqa: BLE001 - the boundary: nothing that a pod says may end the operator
                    _LOG.exception("phases not read")
                await asyncio.sleep(_PERIOD_SECONDS)

    async def _round(self, session: aiohttp.ClientSession) -> None:
        self._rounds += 1
        views = [PodView(pod) for pod in self._cache.all(Kind.POD)]
        uids = {view.pod["metadata"]["uid"] for view in views}
        self._known = {uid: known for uid, known in self._known.items() if uid in uids}
        await asyncio.gather(*(self._poll(session, view) for view in views if self._is_due(view)))

    def _is_due(self, view: PodView) -> bool:
        """It runs, and it either does not serve yet or its last report is from before it did."""
        if not view.is_active or not view.status.get("podIP") or not view.container.get("state", {}).get("running"):
            return False
        known = self._known.get(view.pod["metadata"]["uid"], _Known(None, 0))
        if not view.is_up:
            return True
        is_last = isinstance(known.view, PhaseReport) and known.view.phase is Phase.READY
        if is_last and (key := owner_key(Kind.POD, view.pod)):
            # Adapters come and go while it serves, by the list that the cluster holds.
            seen = replace(view, phase=known.view)
            is_last = is_as_listed(seen, self._cache.owned(Kind.CONFIG_MAP, key))
        return not is_last and (known.failures < _TOLERATED_FAILURES or self._rounds % _RARE_ROUNDS == 0)

    async def _poll(self, session: aiohttp.ClientSession, view: PodView) -> None:
        uid = view.pod["metadata"]["uid"]
        before = self._known.get(uid, _Known(None, 0))
        try:
            body = await fetch(session, view.status["podIP"], "/phase", _MAX_BYTES)
            after = _Known(PhaseReport.model_validate_json(body), 0)
            metrics.PHASE_POLLS.labels("ok").inc()
        except (aiohttp.ClientError, OSError, ValidationError) as error:
            metrics.PHASE_POLLS.labels("failed").inc()
            after = _failed(before, error, is_up=view.is_up)
        self._known[uid] = after
        if after.view != before.view and (key := owner_key(Kind.POD, view.pod)):
            self._enqueue(key)


def _failed(before: _Known, error: Exception, *, is_up: bool) -> _Known:
    """A pod that serves goes on as it said last: with its adapters, or without one of them."""
    failures = before.failures + 1
    is_known = is_up and isinstance(before.view, PhaseReport) and before.view.phase is Phase.READY
    if failures < _TOLERATED_FAILURES or is_known:
        return _Known(before.view, failures)
    return _Known(Unreachable(f"port {MANAGEMENT_PORT}: {_words(error)}"), failures)


def _words(error: Exception) -> str:
    """The same words for the same failure: no addresses, no times."""
    match error:
        case TimeoutError():
            return "no answer within 2 s"
        case aiohttp.ClientConnectorError():
            return "connection refused or no route"
        case aiohttp.ClientResponseError():
            return f"HTTP {error.status} for /phase"
        case ValidationError():
            return "/phase is not a report of the runtime"
        case _:
            return type(error).__name__
