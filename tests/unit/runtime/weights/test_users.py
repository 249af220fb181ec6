from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.weights.fetch.users import DEAD_SECONDS, Use, Users, clock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "users")


def age(path: Path, seconds: float) -> None:
    time = path.stat().st_mtime - seconds
    os.utime(path, (time, time))


def test_a_mark_counts_until_it_is_taken_away(users: Users, tmp_path: Path) -> None:
    assert (users.active(clock(tmp_path)), users.last_use()) == ((), None)
    users.enter("b.2")
    users.enter("a.1")
    assert users.active(clock(tmp_path)) == ("a.1", "b.2")
    users.leave("a.1")
    users.leave("a.1")
    assert users.active(clock(tmp_path)) == ("b.2",)


def test_the_end_of_the_last_use_is_known_after_it(users: Users, tmp_path: Path) -> None:
    users.enter("a.1")
    age(tmp_path / "users", 5000)
    users.leave("a.1")
    last = users.last_use()
    assert last is not None
    assert clock(tmp_path) - last < 1000


def test_a_mark_that_nobody_touches_dies_and_is_swept(users: Users, tmp_path: Path) -> None:
    users.enter("dead.1")
    users.enter("alive.1")
    age(tmp_path / "users" / "dead.1", DEAD_SECONDS + 1)
    age(tmp_path / "users" / "alive.1", DEAD_SECONDS - 60)
    assert users.active(clock(tmp_path)) == ("alive.1",)
    users.forget(clock(tmp_path))
    assert [mark.name for mark in (tmp_path / "users").iterdir()] == ["alive.1"]
    users.leave("alive.1")
    users.forget(clock(tmp_path))
    assert not (tmp_path / "users").exists()


async def test_a_use_is_touched_again_and_again(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen3_runtime.weights.fetch.users._BEAT_SECONDS", 0.01)
    seen = iter(range(1000))
    entered: list[int] = []
    monkeypatch.setattr(Users, "enter", lambda *_: entered.append(next(seen)))
    use = Use(users, "a.1")
    use.begin()
    while len(entered) < 3:
        pass
    await use.end()
    assert entered[:3] == [0, 1, 2]


def test_a_use_on_a_volume_that_fails_does_not_fail(tmp_path: Path) -> None:
    use = Use(Users(tmp_path / "missing" / "users"), "a.1")
    use.begin()
    asyncio.run(use.end())
    assert list(tmp_path.iterdir()) == []
