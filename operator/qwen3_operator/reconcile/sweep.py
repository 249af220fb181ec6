"""The only periodic work: LIST everything, which also finds the deletions that a watch lost.

kopf lists again after a broken watch and says nothing of what vanished meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from qwen3_operator.manifests.names import MANAGED_SELECTOR
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import MANAGED_KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client, Listing
    from qwen3_operator.reconcile.intake import Intake
    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.reconcile.queue import WorkQueue

_LOG = logging.getLogger(__name__)
_JITTER = 0.1


async def sweep(client: Client, cache: Cache, intake: Intake, namespaces: Sequence[str], kinds: Sequence[Kind]) -> None:
    """Compare cache and cluster once.

    Raises:
        ApiError: a LIST failed; the kinds before it are up to date.
    """
    for kind in kinds:
        scopes = namespaces if kind.value.namespaced and namespaces else [None]
        listings = [await _list(client, kind, namespace) for namespace in scopes]
        objects = [obj for listing in listings for obj in listing.items]
        oldest = min((listing.resource_version for listing in listings), key=int)
        for obj in objects:
            intake.upsert(kind, obj)
        for obj in cache.missing(kind, objects, oldest):
            intake.remove(kind, obj)
        intake.listed(kind)


async def sweep_forever(
    client: Client,
    cache: Cache,
    intake: Intake,
    queue: WorkQueue[Key],
    *,
    namespaces: Sequence[str],
    kinds: Sequence[Kind],
    period: float,
) -> None:
    """Sweep every ``period`` seconds, give or take 10 %, and look at every deployment again, spread over a tenth."""
    while True:
        await asyncio.sleep(period * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - spreads load
        try:
            await sweep(client, cache, intake, namespaces, kinds)
        except ApiError as error:
            _LOG.warning("sweep failed", extra={"error": str(error)})  # the watches go on; the next round mends
            continue
        intake.retry_waiting(0.0)
        for key in cache.deployments():
            queue.add(key, random.uniform(0, period * _JITTER))  # noqa: S311 - likewise


async def _list(client: Client, kind: Kind, namespace: str | None) -> Listing:
    return await client.list(kind, namespace=namespace, labels=MANAGED_SELECTOR if kind in MANAGED_KINDS else None)
