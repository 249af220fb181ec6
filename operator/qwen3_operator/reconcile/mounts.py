"""Why a pod's volumes cannot be mounted. Only Events say so: the pod itself just stays in ContainerCreating."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Key, Kind, owner_key
from qwen3_operator.reconcile.observed import PodView

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client

_LOG = logging.getLogger(__name__)
_PERIOD_SECONDS = 10.0
"""A pod that waits for its container in two rounds in a row is worth a question."""
_CREATING = "ContainerCreating"
_REASONS = ("FailedMount", "FailedAttachVolume")
_MULTI_ATTACH = "Multi-Attach error"
_TELLING = ("MountVolume", "AttachVolume", _MULTI_ATTACH)
"""The kubelet's and the controller's own errors start so; others only say that they gave up waiting."""


class MountFailures:
    """The last mount error of each pod that waits for its container, by uid."""

    def __init__(self, client: Client, cache: Cache, enqueue: Callable[[Key], None]) -> None:
        self._client = client
        self._cache = cache
        self._enqueue = enqueue
        self._waiting: set[str] = set()
        self._messages: dict[str, str] = {}

    def message(self, uid: str) -> str:
        """The error of a pod, empty when none is known."""
        return self._messages.get(uid, "")

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self._round()
            except Exception:  # noqa: BLE001 - the boundary
                _LOG.exception("mount errors not read")
            await asyncio.sleep(_PERIOD_SECONDS)

    async def _round(self) -> None:
        stuck = {pod["metadata"]["uid"]: pod for pod in self._cache.all(Kind.POD) if _is_waiting(PodView(pod))}
        for uid in stuck.keys() & self._waiting:
            await self._ask(stuck[uid])
        self._waiting = set(stuck)
        self._forget(self._messages.keys() - stuck.keys())

    def _forget(self, uids: set[str]) -> None:
        """Of pods that go on or are gone; what was said of them may be in a status."""
        for pod in self._cache.all(Kind.POD):
            if pod["metadata"]["uid"] in uids and (key := owner_key(Kind.POD, pod)):
                self._enqueue(key)
        for uid in uids:
            del self._messages[uid]

    async def _ask(self, pod: dict[str, Any]) -> None:
        uid, namespace = pod["metadata"]["uid"], pod["metadata"]["namespace"]
        try:
            events = await self._client.list_events(namespace, f"involvedObject.uid={uid},type=Warning")
        except ApiError as error:
            _LOG.warning("events not read", extra={"namespace": namespace, "error": str(error)})
            return
        message = _most_telling([event.get("message", "") for event in events if event.get("reason") in _REASONS])
        if message != self.message(uid) and (key := owner_key(Kind.POD, pod)):
            self._messages[uid] = message
            self._enqueue(key)


def _is_waiting(view: PodView) -> bool:
    """Bound to a node, and its container neither runs nor waits for anything else."""
    state = view.container.get("state", {"waiting": {}})
    reason = state.get("waiting", {"reason": ""}).get("reason", _CREATING)
    return view.is_active and view.is_bound and reason == _CREATING


def _most_telling(messages: list[str]) -> str:
    """Always the same of several, so that the condition does not alternate between them."""
    found = min(messages, key=lambda message: (not message.startswith(_TELLING), message), default="")
    if not found.startswith(_MULTI_ATTACH):
        return found
    return (
        "a claim with the access mode ReadWriteOnce serves one node, and a pod on another node has it: use a claim with"
        f" ReadWriteMany, or one replica ({found})"
    )
