from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Key
from qwen3_operator.reconcile.queue import BASE_DELAY, WorkQueue
from qwen3_operator.reconcile.worker import work
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = Key("team-a", "chat")


async def attempts(answer: Callable[[], bool], count: int) -> tuple[list[float], int]:
    """Loop times at which a key was reconciled, up to so many, and how many keys are to come again after that."""
    clock = asyncio.get_running_loop().time
    queue: WorkQueue[Key] = WorkQueue(clock)
    times: list[float] = []
    enough = asyncio.Event()

    async def reconcile(_: Key) -> bool:
        times.append(clock())
        if len(times) == count:
            enough.set()  # heard of when the worker waits for the next key
        return answer()

    queue.add(KEY)
    working = asyncio.create_task(work(queue, reconcile))
    await asyncio.wait_for(enough.wait(), HANG_SECONDS)
    assert not working.done()
    working.cancel()
    return times, len(queue)


def refuse(error: Exception) -> Callable[[], bool]:
    def answer() -> bool:
        raise error

    return answer


async def test_a_users_mistake_is_not_retried() -> None:
    _, to_come = await attempts(lambda: False, 1)
    assert to_come == 0


@pytest.mark.parametrize("error", [ApiError(0, "API server not reached"), ValueError("a bug")])
async def test_a_fault_is_retried_with_backoff_and_ends_no_worker(error: Exception) -> None:
    (first, second), to_come = await attempts(refuse(error), 2)
    assert second - first >= BASE_DELAY
    assert to_come == 1


async def test_after_a_success_the_next_fault_is_retried_soon_again() -> None:
    queue: WorkQueue[Key] = WorkQueue(asyncio.get_running_loop().time)
    for _ in range(3):
        queue.retry(KEY)
    queue.add(KEY)
    done = asyncio.Event()

    async def reconcile(_: Key) -> bool:
        done.set()
        return True

    working = asyncio.create_task(work(queue, reconcile))
    await asyncio.wait_for(done.wait(), HANG_SECONDS)
    working.cancel()
    assert queue.retry(KEY) == BASE_DELAY
