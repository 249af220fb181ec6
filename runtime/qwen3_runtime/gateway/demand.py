"""Says which sleeping models are asked for, so that the operator wakes them."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from qwen3_runtime.gateway.directory import Directory
    from qwen3_runtime.gateway.objects import Cluster

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
AGAIN_SECONDS = 10.0
"""At most so often for one model."""
RETRY_SECONDS = 2.0


def asked_for(directory: Directory) -> set[str]:
    """Models that sleep and for which a request has come since the last look, or waits."""
    asked = set()
    for name, model in directory.models.items():
        if model.is_asleep and (model.demanded_at is not None or model.queue):
            asked.add(name)
        model.demanded_at = None
    return asked


async def report(directory: Directory, cluster: Cluster, name: str) -> None:
    """Write the ConfigMap ``name`` for good. What could not be written is written at the next look."""
    reported: dict[str, float] = {}
    pending: set[str] = set()
    while True:
        now = asyncio.get_running_loop().time()
        pending |= asked_for(directory)
        due = {model for model in pending if now - reported.get(model, -AGAIN_SECONDS) >= AGAIN_SECONDS}
        if due:
            moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            try:
                await cluster.write_demand(name, dict.fromkeys(due, moment))
                reported |= dict.fromkeys(due, now)
                pending -= due
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                logger.warning("configmap %s cannot be written: %s", name, error)
                await asyncio.sleep(RETRY_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)
