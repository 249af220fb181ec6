"""Fetches one file, over as many connections as it takes, and makes sure that it is the right one."""

from __future__ import annotations

import logging
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO

import httpx2

from qwen3_runtime.weights.fetch.errors import FetchError, TransientError
from qwen3_runtime.weights.fetch.listing import checksum_of
from qwen3_runtime.weights.fetch.patience import Patience
from qwen3_runtime.weights.fetch.web import connection_failure, require_answer

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from qwen3_runtime.weights.fetch.listing import RemoteFile
    from qwen3_runtime.weights.fetch.meter import Meter
    from qwen3_runtime.weights.fetch.order import Pace
    from qwen3_runtime.weights.fetch.remote import Remote

logger = logging.getLogger(__name__)

_CHECKSUM_ATTEMPTS = 3


class StoppedError(Exception):
    """Another file failed, or the process is to end."""


class Transfer:
    """Fetches files of one source into one folder; called by several threads."""

    def __init__(
        self, remote: Remote, client: httpx2.Client, folder: Path, *, pace: Pace, meter: Meter, stop: threading.Event
    ) -> None:
        self._remote = remote
        self._client = client
        self._folder = folder
        self._pace = pace
        self._meter = meter
        self._stop = stop

    def fetch(self, file: RemoteFile) -> None:
        """Make the file lie in the folder with the right content, whatever of it lies there already.

        Raises:
            FetchError: the source refuses it, gave up on it, or has other content than it says.
            StoppedError: `stop` was set.
        """
        path = self._folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._meter.found(min(path.stat().st_size, file.size))
        for attempt in range(_CHECKSUM_ATTEMPTS):
            self._complete(file, path)
            try:
                self._verify(file, path)
            except FetchError as error:
                self._give_up_bytes(path)
                if attempt == _CHECKSUM_ATTEMPTS - 1:
                    raise
                logger.warning("%s Fetching it again.", error)
                self._meter.retried()
            else:
                self._meter.file_done()
                return

    def _verify(self, file: RemoteFile, path: Path) -> None:
        if file.checksum is None:
            return
        found = checksum_of(path, file.checksum.algorithm, self._go_on)
        if found != file.checksum:
            raise FetchError(
                "ChecksumMismatch",
                f"{file.path} of {self._remote.access.subject} came with {found.algorithm} {found.value},"
                f" its metadata says {file.checksum.value}.",
            )

    def _complete(self, file: RemoteFile, path: Path) -> None:
        """Append until the file has its size."""
        patience = Patience(self._pace)
        with path.open("r+b") as target:
            while (have := target.seek(0, os.SEEK_END)) != file.size:
                self._go_on()
                if have > file.size:
                    self._truncate(target, file.size)
                    continue
                try:
                    self._append(file, target, have)
                except TransientError as error:
                    if target.tell() > have:
                        patience.progressed()
                    self._pause(patience, error, file)
            target.flush()
            os.fsync(target.fileno())

    def _pause(self, patience: Patience, error: TransientError, file: RemoteFile) -> None:
        seconds = patience.wait(error)
        logger.warning("%s: %s; trying again in %.1f s", file.path, error, seconds)
        self._meter.retried(error if patience.is_tried else None)
        self._stop.wait(seconds)
        self._go_on()

    def _append(self, file: RemoteFile, target: BinaryIO, have: int) -> None:
        """One request for the bytes from ``have`` on. Ends early only with an exception."""
        access = self._remote.access
        request = self._remote.request(file)
        headers = {**request.headers, "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        try:
            with self._client.stream("GET", request.url, headers=headers) as response:
                self._place(response, target, have)
                for block in response.iter_raw():  # as they come: bytes in a buffer would be lost with the connection
                    self._write(target, block, file)
                    self._go_on()
        except httpx2.HTTPError as error:
            raise connection_failure(error, access) from error
        finally:
            target.flush()
        if target.tell() < file.size:
            raise TransientError(f"{access.subject} closed the connection after {target.tell()} of {file.size} bytes")

    def _place(self, response: httpx2.Response, target: BinaryIO, have: int) -> None:
        """Put the file's position where the answer begins."""
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            self._truncate(target, have)
            raise TransientError("the source's file ends before what lies on the disk")
        require_answer(response, self._remote.access)
        if have and response.status_code == HTTPStatus.OK:
            self._truncate(target, have)
        elif have and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise TransientError(f"asked for bytes from {have}, got {response.headers.get('Content-Range')}")

    def _write(self, target: BinaryIO, block: bytes, file: RemoteFile) -> None:
        if target.tell() + len(block) > file.size:
            self._truncate(target, target.tell())
            raise TransientError(f"{self._remote.access.subject} sends more than the {file.size} bytes it says")
        target.write(block)
        self._meter.received(len(block))

    def _truncate(self, target: BinaryIO, counted: int) -> None:
        """Begin the file anew. ``counted``: bytes that the meter holds as done."""
        target.seek(0)
        target.truncate()
        self._meter.found(-counted)

    def _give_up_bytes(self, path: Path) -> None:
        with path.open("r+b") as target:
            self._truncate(target, path.stat().st_size)

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise StoppedError
