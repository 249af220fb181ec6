"""What a change in the cluster means: which deployments have to be looked at again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import REPLAN_ANNOTATION, TENANT_LABEL
from qwen3_operator.inventory.quotas import allows_more
from qwen3_operator.reconcile.kinds import Key, Kind, owner_key
from qwen3_operator.reconcile.observed import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qwen3_operator.reconcile.cache import Cache

_URGENT_SECONDS = -60.0
"""What a user asks for is due before what waits already: it overtakes reports on pods when there is much to do."""
_SETTLE_SECONDS = 0.2
"""Pods and children change in bursts; one reconcile answers the burst."""
_ROUTED = frozenset({Kind.QWEN3DEPLOYMENT, Kind.POD})
_CAPACITY_SECONDS = 1.0
"""Nodes come and go in groups; a failed plan is tried once per group."""


class Intake:
    """Takes changes from watches and sweep, keeps the cache, asks for reconciles. Main event loop only."""

    def __init__(
        self,
        cache: Cache,
        enqueue: Callable[[Key, float], None],
        waiting: Callable[[], tuple[Key, ...]],
        capacity_changed: Callable[[], None],
        *,
        devices_taken: Callable[[], None] = lambda: None,
        routes_changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Everything that a change may concern.

        Args:
            cache: Where objects are put.
            enqueue: Asks for a reconcile after so many seconds.
            waiting: Those without a plan.
            capacity_changed: Makes their next attempt a real one: nodes, pools or what is free on them changed.
            devices_taken: A pod of ours was bound to a node.
            routes_changed: A deployment, one of its pods or a tenant's quota is not what it was: the gateway or the
                tenant may have to know.
        """
        self._cache = cache
        self._enqueue = enqueue
        self._waiting = waiting
        self._capacity_changed = capacity_changed
        self._devices_taken = devices_taken
        self._routes_changed = routes_changed
        self.seen_at: dict[Kind, float] = {}
        """Monotonic time of the last news of each kind."""

    def listed(self, kind: Kind) -> None:
        """All there is of a kind was read, which is news even where there is nothing."""
        self.seen_at[kind] = time.monotonic()

    def upsert(self, kind: Kind, obj: dict[str, Any]) -> None:
        """An object was added or modified, or is simply there."""
        self.seen_at[kind] = time.monotonic()
        change = self._cache.put(kind, obj)
        if _is_of_tenants(kind, obj):  # the cache knows a status of ours before the watch tells of it
            self._routes_changed()
        if change is None:
            return
        if kind is Kind.NODE:
            self._node_changed(change.previous, change.current)
        elif kind is Kind.RESOURCE_QUOTA:
            if change.previous is not None and allows_more(change.previous, change.current):
                self._quota_eased(change.current)
        elif kind is Kind.ACCELERATOR_POOL:
            if _is_asked_anew(change.previous, change.current):
                self.retry_waiting(_CAPACITY_SECONDS)
        elif kind is not Kind.QWEN3DEPLOYMENT or _is_asked_anew(change.previous, change.current):
            self._touch(kind, change.current)
        if kind is Kind.POD and _node_of(change.previous) != _node_of(change.current):
            self._devices_taken()

    def remove(self, kind: Kind, obj: dict[str, Any]) -> None:
        """An object is gone."""
        self.seen_at[kind] = time.monotonic()
        if not self._cache.remove(kind, obj):
            return
        if _is_of_tenants(kind, obj):
            self._routes_changed()
        if kind is Kind.RESOURCE_QUOTA:
            self._quota_eased(obj)
        self._touch(kind, obj)
        if kind in (Kind.POD, Kind.NODE, Kind.ACCELERATOR_POOL, Kind.QWEN3DEPLOYMENT):
            self.retry_waiting(_CAPACITY_SECONDS)

    def retry_waiting(self, delay: float) -> None:
        """There may be room now for what had none."""
        self._retry(self._waiting(), delay)

    def _quota_eased(self, quota: Mapping[str, Any]) -> None:
        """Only those in its namespace: what a quota counts changes with every pod there."""
        namespace = quota["metadata"]["namespace"]
        if found := [key for key in self._waiting() if key.namespace == namespace]:
            self._retry(found, _CAPACITY_SECONDS)

    def _retry(self, keys: Iterable[Key], delay: float) -> None:
        self._capacity_changed()
        for key in keys:
            self._enqueue(key, delay)

    def _touch(self, kind: Kind, obj: dict[str, Any]) -> None:
        if key := owner_key(kind, obj):
            self._enqueue(key, _URGENT_SECONDS if kind is Kind.QWEN3DEPLOYMENT else _SETTLE_SECONDS)

    def _node_changed(self, previous: Mapping[str, Any] | None, node: Mapping[str, Any]) -> None:
        """Heartbeats and image lists do not count."""
        if previous is not None and _planning_view(previous) == _planning_view(node):
            return
        self.retry_waiting(_CAPACITY_SECONDS)
        if previous is not None and _is_up(previous) != _is_up(node):
            for pod in self._cache.all(Kind.POD):
                if pod["spec"].get("nodeName") == node["metadata"]["name"]:
                    self._touch(Kind.POD, pod)


def _is_of_tenants(kind: Kind, obj: Mapping[str, Any]) -> bool:
    return kind in _ROUTED or (kind is Kind.RESOURCE_QUOTA and TENANT_LABEL in (obj["metadata"].get("labels") or {}))


def _is_asked_anew(previous: Mapping[str, Any] | None, current: Mapping[str, Any]) -> bool:
    """Our own status writes come back as changes, too; they ask for nothing."""
    if previous is None:
        return True
    fields = ("uid", "generation", "deletionTimestamp")
    before, now = previous["metadata"], current["metadata"]
    return any(before.get(field) != now.get(field) for field in fields) or replan_wish(before) != replan_wish(now)


def replan_wish(metadata: Mapping[str, Any]) -> str:
    """Value of the annotation that asks for a new plan; empty without one."""
    return str((metadata.get("annotations") or {}).get(REPLAN_ANNOTATION, ""))


def _node_of(pod: Mapping[str, Any] | None) -> str:
    return str(pod["spec"].get("nodeName", "")) if pod else ""


def _planning_view(node: Mapping[str, Any]) -> tuple[Any, ...]:
    spec = node.get("spec", {})
    return (
        node["metadata"].get("labels"),
        spec.get("taints"),
        spec.get("unschedulable"),
        node.get("status", {}).get("allocatable"),
        _is_up(node),
    )


def _is_up(node: Mapping[str, Any]) -> bool:
    return condition(node, "Ready").get("status") == "True"
