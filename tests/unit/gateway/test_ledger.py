from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.gateway.ledger import Ledger, Sums, as_csv
from qwen3_runtime.gateway.limits.types import day_of
from qwen3_runtime.gateway.usage import Usage
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from pathlib import Path


async def test_adds_up_and_is_exported(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for _ in range(3):
        ledger.add("a", "m", Usage(prompt=10, cached=4, thinking=2, answer=5))
    ledger.add("b", "m", Usage(prompt=1))
    rows = await ledger.rows()
    day = day_of(time.time())
    assert rows[0] == {
        "day": day, "tenant": "a", "model": "m", "requests": 3, "prompt": 30, "cached": 12, "thinking": 6, "answer": 15,
    }  # fmt: skip
    assert as_csv(rows).splitlines()[1] == f"{day},a,m,3,30,12,6,15"
    ledger.add("a", "m", Usage(prompt=10, answer=1))
    ledger.close()
    assert {tenant: (today, month) for tenant, today, month in Ledger(tmp_path).used()} == {
        "a": (62, 62),
        "b": (1, 1),
    }


async def test_what_a_killed_process_wrote_counts_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add("a", "m", Usage(prompt=10))
    os.write(ledger._journal, b'["2026-01-')
    again = Ledger(tmp_path)
    assert (await again.rows())[0]["prompt"] == 10
    again.close()
    os.close(ledger._journal)


async def test_a_journal_that_was_added_up_but_not_removed_counts_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add("a", "m", Usage(prompt=10))
    ledger._rotate()
    ((number, sums),) = ledger._ended
    ledger._forget = lambda number: None  # type: ignore[method-assign]  # noqa: ARG005  # killed just before
    ledger._commit(number, sums)
    assert os.path.getsize(ledger._path(number))  # noqa: PTH202, ASYNC240
    os.close(ledger._journal)
    again = Ledger(tmp_path)
    assert [row["prompt"] for row in await again.rows()] == [10]
    again.close()


async def test_what_could_not_be_added_up_is_added_up_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen3_runtime.gateway.ledger.COMMIT_SECONDS", 0.01)
    ledger = Ledger(tmp_path)
    begin, commit = ledger._begin, ledger._commit
    failures: list[str] = []

    def failing_begin(number: int) -> int:
        if len(failures) < 2:
            failures.append("begin")
            raise OSError("too many open files")
        return begin(number)

    def failing_commit(number: int, sums: Sums) -> None:
        if len(failures) < 4:
            failures.append("commit")
            raise sqlite3.OperationalError("disk is full")
        commit(number, sums)

    ledger._begin = failing_begin  # type: ignore[method-assign]
    ledger._commit = failing_commit  # type: ignore[method-assign]
    running = asyncio.create_task(ledger.run())
    added = 0
    async with asyncio.timeout(HANG_SECONDS):
        while len(failures) < 4:
            ledger.add("a", "m", Usage(prompt=1))
            added += 1
            await asyncio.sleep(0.005)
    assert failures == ["begin", "begin", "commit", "commit"]
    assert sum(int(row["requests"]) for row in await ledger.rows()) == added
    running.cancel()
    ledger.close()


async def test_a_journal_that_stayed_after_it_was_added_up_counts_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add("a", "m", Usage(prompt=10))
    forget = ledger._forget

    def failing(number: int) -> None:
        ledger._forget = forget  # type: ignore[method-assign]
        raise OSError(f"{number} cannot be removed")

    ledger._forget = failing  # type: ignore[method-assign]
    with pytest.raises(OSError, match="cannot be removed"):
        await ledger.rows()
    assert [row["prompt"] for row in await ledger.rows()] == [10]
    ledger.close()
