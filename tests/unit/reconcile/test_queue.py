from __future__ import annotations

import asyncio

from qwen3_operator.reconcile.queue import BASE_DELAY, MAX_DELAY, Schedule, WorkQueue
from tests.patience import HANG_SECONDS


def test_a_key_waits_once_at_its_earliest_time() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 5.0)
    schedule.add("a", 2.0)
    schedule.add("a", 9.0)
    assert len(schedule) == 1
    assert schedule.next_due() == 2.0
    assert schedule.pop(1.9) is None
    assert schedule.pop(2.0) == "a"
    schedule.done("a")
    assert schedule.pop(100.0) is None


def test_a_key_is_with_one_worker_at_a_time() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 0.0)
    assert schedule.pop(0.0) == "a"
    schedule.add("a", 0.0)
    schedule.add("b", 1.0)
    assert schedule.pop(0.5) is None
    assert schedule.next_due() == 1.0
    assert schedule.pop(1.0) == "b"
    schedule.done("a")
    assert schedule.pop(1.0) == "a"


def test_the_longest_due_comes_first() -> None:
    schedule: Schedule[str] = Schedule()
    for key, when in (("late", 3.0), ("early", 1.0), ("middle", 2.0)):
        schedule.add(key, when)
    assert [schedule.pop(9.0) for _ in range(4)] == ["early", "middle", "late", None]


def test_backoff_doubles_per_key_up_to_a_limit_and_ends_with_success() -> None:
    schedule: Schedule[str] = Schedule()
    delays = [schedule.retry("a", 0.0) for _ in range(12)]
    assert delays[:3] == [BASE_DELAY, 2 * BASE_DELAY, 4 * BASE_DELAY]
    assert delays[-1] == MAX_DELAY
    assert schedule.retry("b", 0.0) == BASE_DELAY
    schedule.forget("a")
    assert schedule.retry("a", 0.0) == BASE_DELAY


async def test_waiting_workers_get_what_is_added_and_what_is_released() -> None:
    queue: WorkQueue[str] = WorkQueue(asyncio.get_running_loop().time)
    first, second = (asyncio.create_task(queue.get()) for _ in range(2))
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("a")
    assert await first == "a"
    queue.add("a")
    await asyncio.sleep(0.01)
    assert not second.done()
    queue.done("a")
    assert await second == "a"


async def test_a_delayed_key_comes_by_itself_and_an_urgent_add_wakes_the_waiter() -> None:
    queue: WorkQueue[str] = WorkQueue(asyncio.get_running_loop().time)
    queue.add("later", 0.02)
    assert await queue.get() == "later"
    waiter = asyncio.create_task(queue.get())
    queue.add("much-later", 10 * HANG_SECONDS)
    await asyncio.sleep(0)
    queue.add("now")
    assert await asyncio.wait_for(waiter, HANG_SECONDS) == "now"


async def test_a_worker_ends_though_a_key_comes_in_the_same_moment() -> None:
    queue: WorkQueue[str] = WorkQueue(asyncio.get_running_loop().time)
    queue.add("later", 3600)
    for steps in range(4):
        worker = asyncio.create_task(queue.get())
        await asyncio.sleep(0.01)
        queue.add("later", 3600)
        for _ in range(steps):
            await asyncio.sleep(0)
        worker.cancel()
        _, waiting = await asyncio.wait((worker,), timeout=0.1)
        assert not waiting, f"the cancellation got lost {steps} steps after the change"
        assert worker.cancelled()
