from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.ledger import Ledger, as_csv
from qwen3_runtime.gateway.limits.types import day_of
from qwen3_runtime.gateway.usage import Usage

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
    number = ledger._rotate()
    ledger._forget = lambda number: None  # type: ignore[method-assign]  # noqa: ARG005  # killed just before
    ledger._commit(number)
    assert os.path.getsize(ledger._path(number))  # noqa: PTH202, ASYNC240
    os.close(ledger._journal)
    again = Ledger(tmp_path)
    assert [row["prompt"] for row in await again.rows()] == [10]
    again.close()
