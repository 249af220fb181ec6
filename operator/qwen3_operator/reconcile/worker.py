"""The boundary where exceptions end: takes keys from the queue, reconciles, decides on a retry."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from qwen3_operator import metrics
from qwen3_operator.reconcile.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.reconcile.queue import WorkQueue

_LOG = logging.getLogger(__name__)


async def work(queue: WorkQueue[Key], reconcile: Callable[[Key], Awaitable[bool]]) -> None:
    """Reconcile keys until cancelled."""
    while True:
        key = await queue.get()
        started = time.perf_counter()
        result = await _attempt(queue, key, reconcile)
        metrics.RECONCILE_SECONDS.labels(result).observe(time.perf_counter() - started)
        queue.done(key)


async def _attempt(queue: WorkQueue[Key], key: Key, reconcile: Callable[[Key], Awaitable[bool]]) -> str:
    """A cluster's fault is retried with backoff. A user's mistake waits for the user."""
    try:
        accepted = await reconcile(key)
    except ApiError as error:
        delay = queue.retry(key)
        _LOG.warning(
            "retry", extra={"namespace": key.namespace, "object": key.name, "error": str(error), "delay": delay}
        )
        return "error"
    except Exception:  # noqa: BLE001 - the boundary: one object must not end the others
        delay = queue.retry(key)
        _LOG.exception("reconcile failed", extra={"namespace": key.namespace, "object": key.name, "delay": delay})
        return "error"
    queue.forget(key)
    return "ok" if accepted else "rejected"
