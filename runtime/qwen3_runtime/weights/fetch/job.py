"""One fetch from beginning to end: lock, list, download, verify, let the model appear."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from qwen3_runtime.sources import WeightsOrigin
from qwen3_runtime.weights.fetch.cache import Cache
from qwen3_runtime.weights.fetch.errors import TransientError
from qwen3_runtime.weights.fetch.folder import ModelFolder
from qwen3_runtime.weights.fetch.listing import select
from qwen3_runtime.weights.fetch.lock import FetchLock, LockRecord, read_lock
from qwen3_runtime.weights.fetch.meter import Meter
from qwen3_runtime.weights.fetch.order import FetchEvent, FetchState
from qwen3_runtime.weights.fetch.patience import Patience
from qwen3_runtime.weights.fetch.remotes import open_remote
from qwen3_runtime.weights.fetch.space import disk_failure, missing_bytes, require_space, require_writable
from qwen3_runtime.weights.fetch.transfer import StoppedError, Transfer
from qwen3_runtime.weights.fetch.web import make_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_runtime.weights.fetch.listing import Listing
    from qwen3_runtime.weights.fetch.order import FetchOrder
    from qwen3_runtime.weights.fetch.remote import Remote

logger = logging.getLogger(__name__)

_FAREWELL_SECONDS = 2.0
"""For the other files' threads to notice that one has failed."""


class Job:
    """Runs one order; `event` may be asked from any thread."""

    def __init__(self, order: FetchOrder, lost: Callable[[], NoReturn]) -> None:
        """``lost`` ends the process, since another one took the lock."""
        self._order = order
        self._folder = ModelFolder(Path(order.path), order.source.folder_name())
        self._lock = FetchLock(
            self._folder.lock, LockRecord(holder=order.holder, incarnation=order.incarnation), order.pace, lost
        )
        self._meter = Meter(time.monotonic)
        self._lock.progress = self._meter.progress
        limit = order.cache.size_limit_bytes if order.cache else None
        self._cache = Cache(self._folder, order, limit, lost) if limit else None
        self._stop = threading.Event()
        self._event = FetchEvent(state=FetchState.LISTING)
        self._origin = WeightsOrigin.CACHE

    def event(self) -> FetchEvent:
        """Where the job stands."""
        state, found = self._event.state, self._meter.progress()
        if state not in (FetchState.LISTING, FetchState.DOWNLOADING):
            return self._event
        progress = found if state is FetchState.DOWNLOADING else None
        if progress and progress.bytes_done == progress.bytes_total:
            return FetchEvent(state=FetchState.VERIFYING, progress=progress)
        obstacle = self._meter.obstacle
        if obstacle is None or found.seconds_left is not None:
            return FetchEvent(state=state, progress=progress)
        return FetchEvent(
            state=FetchState.RETRYING, reason=obstacle.reason, message=obstacle.sentence, progress=progress
        )

    def run(self) -> WeightsOrigin:
        """Return when the model is there: how it came.

        Raises:
            FetchError: a person has to change something, or the source was asked often enough.
        """
        if self._order.cache is not None:
            with suppress(OSError):  # whatever is wrong with the volume is told below, unless the model is whole
                self._folder.users.enter(self._order.mark)
        if self._is_there(read_lock(self._folder.lock)):
            return WeightsOrigin.CACHE
        require_writable(self._folder.volume)
        if not self._lock.acquire(self._waiting, self._is_there):
            return self._origin
        try:
            if not self._folder.is_whole():
                self._event = FetchEvent(state=FetchState.LISTING)
                self._fetch()
                self._origin = WeightsOrigin.SOURCE
        except OSError as error:
            if error.errno is None:  # a client's own, and nothing that a disk said
                raise
            raise disk_failure(error, self._folder.volume) from error
        finally:
            self._lock.release()
        return self._origin

    def _is_there(self, holder: LockRecord | None) -> bool:
        """Whole, and to stay: nobody is about to remove it. ``holder`` was read after this pod's mark was made."""
        return (holder is None or not holder.removes) and self._folder.is_whole()

    def _waiting(self, holder: LockRecord) -> None:
        if not holder.is_known:
            return
        if holder.removes:
            self._making_room(holder)
            return
        self._origin = WeightsOrigin.OTHER_POD
        self._event = FetchEvent(
            state=FetchState.WAITING,
            reason="FetchedByOther",
            message=f"{holder.holder} fetches the same model into {self._folder.volume}.",
            progress=holder.progress,
        )

    def _making_room(self, holder: LockRecord) -> None:
        self._event = FetchEvent(
            state=FetchState.WAITING,
            reason="RoomMadeByOther",
            message=f"{holder.holder} removes models that nobody uses from {self._folder.volume}.",
        )

    def _fetch(self) -> None:
        self._folder.begin()
        with make_client(self._order.pace) as client:
            remote = open_remote(self._order.source, client, self._order.pace)
            listing = self._list(remote)
            self._meter.expect(len(listing.files), sum(file.size for file in listing.files))
            self._find_room(listing)
            self._event = FetchEvent(state=FetchState.DOWNLOADING)
            transfer = Transfer(
                remote, client, self._folder.partial, pace=self._order.pace, meter=self._meter, stop=self._stop
            )
            self._download(transfer, listing)
        self._lock.require()
        self._folder.finish(listing)

    def _find_room(self, listing: Listing) -> None:
        missing = missing_bytes(self._folder.partial, listing.files)
        if self._cache is None:
            require_space(self._folder.volume, missing)
            return
        size = sum(file.size for file in listing.files)
        self._cache.make_room(size, missing, self._making_room, self._lock.note)

    def _list(self, remote: Remote) -> Listing:
        patience = Patience(self._order.pace)
        while True:
            try:
                listing = remote.list_files()
            except TransientError as error:
                seconds = patience.wait(error)
                logger.warning("%s; trying again in %.1f s", error, seconds)
                self._meter.retried(error if patience.is_tried else None)
                self._stop.wait(seconds)
            else:
                return replace(listing, files=select(listing.files, self._order.source.files))

    def _download(self, transfer: Transfer, listing: Listing) -> None:
        workers = ThreadPoolExecutor(self._order.pace.parallel_files, thread_name_prefix="fetch")
        futures = [workers.submit(transfer.fetch, file) for file in listing.files]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            self._stop.set()
            workers.shutdown(wait=False, cancel_futures=True)
            running = [future for future in futures if not future.cancelled()]
            wait(running, timeout=_FAREWELL_SECONDS)
        errors = [error for future in running if future.done() and (error := future.exception())]
        for error in errors:
            if not isinstance(error, StoppedError):
                raise error
