"""What the planner would answer to a spec that is not stored yet. Remembers nothing and promises nothing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.inventory import inventory
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.planner import kept_failure, planned_replicas
from qwen3_operator.reconcile.promises import UNFINISHED_PODS, stored_plan
from qwen3_operator.sizing import plan, spec_digest, with_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Reservation
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.sizing import PlanFailure

    Reserved = Callable[[Key, list[dict[str, Any]]], Iterable[Reservation]]

LISTED_SECONDS = 3.0
"""Nodes and pods of this age will do: a warning is no promise, and many applies share one LIST."""


class _Listed(NamedTuple):
    at: float
    nodes: list[dict[str, Any]]
    pods: list[dict[str, Any]]


class Preview:
    """Plans on any replica, in a thread of its own: the event loop has probes and a Lease to serve meanwhile."""

    def __init__(
        self,
        client: Client,
        catalog: Callable[[], Catalog],
        reserved: Reserved,
        clock: Callable[[], float],
        *,
        pools: Callable[[], Iterable[dict[str, Any]]] = tuple,
        quotas: Callable[[], Iterable[dict[str, Any]]] = tuple,
        groups: bool = False,
    ) -> None:
        self._client = client
        self._catalog = catalog
        self._reserved = reserved
        self._pools = pools
        self._quotas = quotas
        self._groups = groups
        self._clock = clock
        self._listing: asyncio.Task[_Listed] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="preview")

    async def __call__(
        self, namespace: str, name: str, spec: DeploymentSpec, status: Mapping[str, Any]
    ) -> PlanStatus | PlanFailure:
        """The plan that would be in force, or why there would be none.

        Raises:
            ApiError: nodes or pods could not be listed.
        """
        kept = stored_plan(status)
        if kept is not None and kept.spec_digest != spec_digest(spec):
            kept = None
        if kept is not None and (failure := kept_failure(kept, spec, self._catalog())):
            return failure
        if kept is not None and spec.replicas in {None, planned_replicas(kept)}:
            return kept
        key, listed, catalog = Key(namespace, name), await self._list(), self._catalog()
        reserved = tuple(self._reserved(key, listed.pods))
        pools, quotas = tuple(self._pools()), tuple(self._quotas())

        def think() -> PlanStatus | PlanFailure:
            room = inventory(
                listed.nodes,
                listed.pods,
                catalog,
                pools=pools,
                exclude=key,
                reserved=reserved,
                groups=self._groups,
                quotas=quotas,
            )
            if kept is not None and spec.replicas is not None:
                return with_replicas(kept, spec.replicas, room)
            return plan(spec, room, catalog)

        return await asyncio.get_running_loop().run_in_executor(self._thread, think)

    async def _list(self) -> _Listed:
        """One LIST for all who ask meanwhile; it goes on for the next one when the first gives up."""
        running = self._listing
        if running is None or (running.done() and self._is_stale(running)):
            running = self._listing = asyncio.create_task(self._request())
            running.add_done_callback(_look_at)
        return await asyncio.shield(running)

    def _is_stale(self, done: asyncio.Task[_Listed]) -> bool:
        return done.cancelled() or done.exception() is not None or self._clock() - done.result().at > LISTED_SECONDS

    async def _request(self) -> _Listed:
        at = self._clock()
        nodes = await self._client.list(Kind.NODE)
        pods = await self._client.list(Kind.POD, fields=UNFINISHED_PODS)
        return _Listed(at, nodes.items, pods.items)


def _look_at(done: asyncio.Task[_Listed]) -> None:
    """A failure that nobody waits for any more is no news: the next LIST will tell."""
    if not done.cancelled():
        done.exception()
