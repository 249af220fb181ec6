"""Who used how much of which model on which day, kept through crashes.

Each finished request is a line of a journal file before its client can have read the end: a killed process loses
nothing (a machine that loses power may lose what its kernel had not written). Every few seconds the journal's sums go
to an SQLite file and a new one begins; its number is written in the same transaction: each line counts once. The sums
are kept in memory too: a thread that read thousands of lines would hold up the loop. After a crash they are read.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
import os
import sqlite3
import time
from contextlib import closing
from threading import Lock
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.limits.types import day_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from qwen3_runtime.gateway.usage import Usage

logger = logging.getLogger(__name__)

COMMIT_SECONDS = 5.0
COLUMNS = ("requests", "prompt", "cached", "thinking", "answer")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS usage (
  day TEXT, tenant TEXT, model TEXT, requests INTEGER, prompt INTEGER, cached INTEGER, thinking INTEGER, answer INTEGER,
  PRIMARY KEY (day, tenant, model));
CREATE TABLE IF NOT EXISTS applied (journal INTEGER PRIMARY KEY);
"""
_ADD = """
INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  requests = requests + excluded.requests, prompt = prompt + excluded.prompt, cached = cached + excluded.cached,
  thinking = thinking + excluded.thinking, answer = answer + excluded.answer
"""
Key = tuple[str, str, str]
"""Day, tenant, model."""
Row = dict[str, str | int]
_ZEROS = [0] * len(COLUMNS)


class Sums(dict[Key, list[int]]):
    """Of each of `COLUMNS`."""

    def add(self, key: Key, numbers: Iterable[int]) -> None:
        """One request."""
        self[key] = [old + new for old, new in zip(self.get(key, _ZEROS), numbers, strict=True)]


class Ledger:
    """The ledger in one folder, which one process writes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        with closing(self._open()) as database:
            database.executescript(_SCHEMA)
            applied: set[int] = {number for (number,) in database.execute("SELECT journal FROM applied")}
        numbers = sorted(_number(path) for path in folder.glob("journal-*"))
        for number in numbers:
            if number in applied:
                self._forget(number)
            else:
                self._commit(number, _read(self._path(number)))
        self._number: int = max([0, *applied, *numbers]) + 1
        self._journal = self._begin(self._number)
        self._sums = Sums()
        """Of the journal that is written."""
        self._ended: list[tuple[int, Sums]] = []
        """Journals to add up, the oldest first: more than one after a failure alone."""
        self._adding = Lock()
        """Held by the thread that adds up; at the end it may be another one's turn while it still does."""

    def add(self, tenant: str, model: str, usage: Usage) -> None:
        """Write one finished request down."""
        numbers = (1, usage.prompt, usage.cached, usage.thinking, usage.answer)
        key = day_of(time.time()), tenant, model
        os.write(self._journal, json.dumps((*key, *numbers)).encode() + b"\n")
        self._sums.add(key, numbers)

    async def run(self) -> None:
        """Add up what has come, for good. What could not be added up, on a full disk perhaps, is tried again."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            try:
                await self._add_up()
            except (OSError, sqlite3.Error) as error:
                logger.warning("the ledger could not be added up, its journals wait: %s", error)

    def close(self) -> None:
        """Add up the rest."""
        self._rotate()
        self._commit_all()
        os.close(self._journal)
        self._path(self._number).unlink()

    async def rows(self) -> list[Row]:
        """All of it, the newest day first."""
        await self._add_up()
        return await asyncio.to_thread(self._rows)

    def _rows(self) -> list[Row]:
        names = ("day", "tenant", "model", *COLUMNS)
        with closing(self._open()) as database:
            found = database.execute(f"SELECT {', '.join(names)} FROM usage ORDER BY day DESC, tenant, model")  # noqa: S608 - constants
            return [dict(zip(names, row, strict=True)) for row in found]

    def used(self) -> Iterable[tuple[str, int, int]]:
        """Tenant, tokens of today, tokens of this month."""
        day = day_of(time.time())
        with closing(self._open()) as database:
            found: list[tuple[str, int, int]] = database.execute(
                "SELECT tenant, SUM((day = ?) * (prompt + thinking + answer)), SUM(prompt + thinking + answer)"
                " FROM usage WHERE substr(day, 1, 7) = ? GROUP BY tenant",
                (day, day[:7]),
            ).fetchall()
        return found

    async def _add_up(self) -> None:
        self._rotate()
        await asyncio.to_thread(self._commit_all)

    def _rotate(self) -> None:
        """Begin a new journal. Where that fails, the old one goes on."""
        journal = self._begin(self._number + 1)
        os.close(self._journal)
        self._ended.append((self._number, self._sums))
        self._journal, self._number, self._sums = journal, self._number + 1, Sums()

    def _commit_all(self) -> None:
        with self._adding:
            while self._ended:
                self._commit(*self._ended[0])
                del self._ended[0]

    def _commit(self, number: int, sums: Sums) -> None:
        rows = [(*key, *numbers) for key, numbers in sums.items()]
        with closing(self._open()) as database, database:
            if database.execute("SELECT 1 FROM applied WHERE journal = ?", (number,)).fetchone() is None:
                database.executemany(_ADD, rows)
                database.execute("INSERT INTO applied VALUES (?)", (number,))
        self._forget(number)

    def _forget(self, number: int) -> None:
        """A journal that has been added up. Its mark goes after its file."""
        self._path(number).unlink()
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM applied WHERE journal = ?", (number,))

    def _begin(self, number: int) -> int:
        return os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _path(self, number: int) -> Path:
        return self._folder / f"journal-{number}"

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._folder / "ledger.sqlite")


def as_csv(rows: Iterable[Row]) -> str:
    """The ledger as a table with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ("day", "tenant", "model", *COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _read(journal: Path) -> Sums:
    sums = Sums()
    for line in journal.read_text().splitlines():
        try:
            day, tenant, model, *numbers = json.loads(line)
        except ValueError:
            continue  # The last line of a process that was killed while it wrote.
        sums.add((day, tenant, model), numbers)
    return sums


def _number(path: Path) -> int:
    return int(path.name.removeprefix("journal-"))
