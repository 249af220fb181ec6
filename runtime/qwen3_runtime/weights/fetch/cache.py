"""The models in a volume that several pods share: makes room for one more, within the volume's limit."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

from qwen3_runtime.weights.fetch.folder import ModelFolder, models_in
from qwen3_runtime.weights.fetch.lock import FetchLock, LockRecord, read_lock
from qwen3_runtime.weights.fetch.room import Kept, Need, victims
from qwen3_runtime.weights.fetch.space import free_bytes, gib
from qwen3_runtime.weights.fetch.users import DEAD_SECONDS, clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qwen3_runtime.weights.fetch.order import FetchOrder

logger = logging.getLogger(__name__)

_LOCK = ".cache.lock"
"""No model's lock: a model's name ends with a digest."""


class Cache:
    """Makes room for one model beside the others."""

    def __init__(self, own: ModelFolder, order: FetchOrder, limit: int, lost: Callable[[], NoReturn]) -> None:
        """``own`` is the model that is to be fetched; ``limit`` counts the bytes of all."""
        self._own = own
        self._order = order
        self._limit = limit
        self._lost = lost

    def make_room(
        self, size: int, missing: int, waiting: Callable[[LockRecord], None], reserve: Callable[[], None]
    ) -> None:
        """Remove the least recently used models until this one fits. One pod at a time does so.

        Args:
            size: bytes of the whole model.
            missing: bytes of it that are not on the disk yet.
            waiting: told who else makes room.
            reserve: tells the others how much room this model takes from now on.

        Raises:
            FetchError: ``CacheFull`` or ``DiskFull``: what is in use leaves too little.
            OSError: of the filesystem.
        """
        volume = self._own.volume
        lock = self._lock(volume / _LOCK)
        lock.acquire(waiting, lambda _: False)
        try:
            while gone := victims(
                Need(volume=str(volume), size=size, missing=missing, free=free_bytes(volume), limit=self._limit),
                self._kept(),
            ):
                for model in gone:
                    self._remove(model)
            reserve()
        finally:
            lock.release()

    def _lock(self, path: Path) -> FetchLock:
        record = LockRecord(holder=self._order.holder, incarnation=self._order.incarnation, removes=True)
        return FetchLock(path, record, self._order.pace, self._lost)

    def _kept(self) -> list[Kept]:
        now = clock(self._own.volume)
        return [_look(folder, now) for folder in models_in(self._own.volume) if folder.final != self._own.final]

    def _remove(self, model: Kept) -> None:
        """Unless somebody has come since. Left alone, it is looked at again and is then seen to be in use."""
        folder = ModelFolder(self._own.volume / model.name, model.name)
        lock = self._lock(folder.lock)
        if not lock.acquire(lambda _: None, lambda _: _fetcher(folder, clock(folder.volume)) is not None):
            return
        try:
            now = clock(folder.volume)
            if folder.users.active(now):
                return
            lock.require()
            folder.remove()
            folder.users.forget(now)
            logger.info("removed %s to make room: %s, unused for %.1f h", model.name, gib(model.size), _age(model, now))
        finally:
            lock.release()


def _look(folder: ModelFolder, now: float) -> Kept:
    here, fetcher = folder.bytes_held(), _fetcher(folder, now)
    size = max(here, fetcher.progress.bytes_total) if fetcher and fetcher.progress else here
    holders = {name.rpartition(".")[0]: None for name in folder.users.active(now)}
    if fetcher:
        holders[fetcher.holder] = None
    last = folder.users.last_use()
    return Kept(
        name=folder.final.name,
        size=size,
        coming=size - here,
        last_use=folder.last_change() if last is None else last,
        holders=tuple(holders),
    )


def _fetcher(folder: ModelFolder, now: float) -> LockRecord | None:
    """Who fetches it now. A lock that was not touched for long was left by a pod that died."""
    try:
        alive = now - folder.lock.stat().st_mtime < DEAD_SECONDS
    except FileNotFoundError:
        return None
    return read_lock(folder.lock) if alive else None


def _age(model: Kept, now: float) -> float:
    return max(now - model.last_use, 0) / 3600
