from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Key
from qwen3_operator.reconcile.queue import WorkQueue
from qwen3_operator.reconcile.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = Key("team-a", "chat")


async def attempts(answer: Callable[[], bool], seconds: float) -> int:
    """How often a key is reconciled within some time."""
    queue: WorkQueue[Key] = WorkQueue(asyncio.get_running_loop().time)
    count = 0

    async def reconcile(_: Key) -> bool:
        nonlocal count
        count += 1
        return answer()

    queue.add(KEY)
    with suppress(TimeoutError):
        await asyncio.wait_for(work(queue, reconcile), seconds)
    return count


def refuse(error: Exception) -> Callable[[], bool]:
    def answer() -> bool:
        raise error

    return answer


async def test_a_users_mistake_is_not_retried() -> None:
    assert await attempts(lambda: False, 0.8) == 1


@pytest.mark.parametrize("error", [ApiError(0, "API server not reached"), ValueError("a bug")])
async def test_a_fault_is_retried_with_backoff_and_ends_no_worker(error: Exception) -> None:
    assert await attempts(refuse(error), 0.8) == 2
