"""The lock's rules; tests/weights proves them between processes."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn

import pytest

from qwen3_runtime.weights.fetch import lock as module
from qwen3_runtime.weights.fetch.lock import FetchLock, LockRecord
from qwen3_runtime.weights.fetch.order import Pace
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACE = Pace(lock_beat_seconds=0.02, lock_stale_seconds=0.2)


class LostError(Exception):
    pass


def lost() -> NoReturn:
    raise LostError


def lock(folder: Path, name: str, stop: Callable[[], NoReturn] = lost) -> FetchLock:
    return FetchLock(folder / "lock", LockRecord(holder=name, incarnation=name), PACE, stop)


def never(_: LockRecord) -> bool:
    return False


def ignore(_: LockRecord) -> None:
    pass


def test_free_lock(tmp_path: Path) -> None:
    own = lock(tmp_path, "a")
    assert own.acquire(ignore, never)
    own.require()
    own.release()
    own.release()
    assert list(tmp_path.iterdir()) == []


class Clock:
    """Of the locks, in place of the machine's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=time.sleep))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_living_holder_is_waited_for_and_named(tmp_path: Path, clock: Clock) -> None:
    first, second = lock(tmp_path, "a"), lock(tmp_path, "b")
    first.acquire(ignore, never)
    seen: list[LockRecord] = []

    def waiting(record: LockRecord) -> None:
        if seen and record.beat == seen[-1].beat:
            return  # no beat since: the clock stands, however long the machine keeps the holder from it
        seen.append(record)
        clock.now += 0.9 * PACE.lock_stale_seconds
        if len(seen) == 10:
            first.release()

    assert second.acquire(waiting, never)
    assert {record.holder for record in seen if record.is_known} == {"a"}
    second.release()


def test_waiting_ends_when_there_is_nothing_left_to_do(tmp_path: Path) -> None:
    first = lock(tmp_path, "a")
    first.acquire(ignore, never)
    assert not lock(tmp_path, "b").acquire(ignore, lambda _: True)
    first.require()
    first.release()


@pytest.mark.parametrize("content", [b"", b"{half", b'{"holder":"a","incarnation":"a","beat":3}'])
def test_dead_holder_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    own = lock(tmp_path, "b")
    assert own.acquire(ignore, never)
    own.release()
    assert list(tmp_path.iterdir()) == []


def test_earlier_process_of_the_same_pod_is_replaced_at_once(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(LockRecord(holder="a", incarnation="a").model_dump_json(by_alias=True))
    own = lock(tmp_path, "a")
    assert own.acquire(lambda _: pytest.fail("nobody is waited for"), never)
    own.release()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_who_lost_the_lock_ends_and_leaves_the_successor_s_alone(tmp_path: Path) -> None:
    ended = threading.Event()

    def end() -> NoReturn:
        ended.set()
        raise SystemExit

    own = lock(tmp_path, "a", end)
    own.acquire(ignore, never)
    (tmp_path / "lock").rename(tmp_path / "taken")
    (tmp_path / "lock").write_text("of another process")
    assert ended.wait(HANG_SECONDS)
    own.release()
    assert (tmp_path / "lock").read_text() == "of another process"


def test_lock_that_was_caught_alive_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two waiters saw the same dead holder; the slower one catches the faster one's new lock."""
    fast, slow = lock(tmp_path, "b"), lock(tmp_path, "c")
    dead = b'{"holder":"a","incarnation":"a","beat":3}'
    monkeypatch.setattr(slow, "_look", lambda: dead)
    fast.acquire(ignore, never)
    inode = (tmp_path / "lock").stat().st_ino
    slow._take_away(dead)
    fast.require()
    assert (tmp_path / "lock").stat().st_ino == inode
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    fast.release()


def test_of_many_that_see_a_dead_holder_one_at_a_time_gets_the_lock(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "lock").write_text("dead")
    inside: list[str] = []
    crowds: list[list[str]] = []
    all_wait = threading.Barrier(8, action=lambda: setattr(clock, "now", 2 * PACE.lock_stale_seconds))

    def waiting(_: LockRecord) -> None:
        if clock.now == 0:
            all_wait.wait(HANG_SECONDS)

    def run(name: str) -> None:
        own = lock(tmp_path, name)
        own.acquire(waiting, never)
        inside.append(name)
        crowds.append(inside.copy())
        inside.remove(name)
        own.release()

    threads = [threading.Thread(target=run, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_SECONDS)
    assert [len(crowd) for crowd in crowds] == [1] * 8
