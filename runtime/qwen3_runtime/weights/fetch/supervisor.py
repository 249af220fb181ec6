"""PID 1's side of a fetch: starts the process, follows it, and tries again for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from qwen3_runtime.config import Phase
from qwen3_runtime.weights.fetch.folder import ModelFolder
from qwen3_runtime.weights.fetch.order import FetchEvent, FetchOrder, FetchState, Pace
from qwen3_runtime.weights.fetch.users import Use
from qwen3_runtime.weights.fetch.words import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_runtime.config import ModelCache
    from qwen3_runtime.sources import FetchProgress, WeightsOrigin, WeightSource

logger = logging.getLogger(__name__)

_MODULE = "qwen3_runtime.weights.fetch"
_FOREIGN = ("HF_", "TRANSFORMERS_", "AWS_", "MODELSCOPE_")
"""Variables that clients would follow rather than the source: tokens, addresses, and the image's own HF_HUB_OFFLINE
and TRANSFORMERS_OFFLINE, which are for the engine and which huggingface_hub obeys alike."""
_FIRST_RETRY_SECONDS = 10.0
_LAST_RETRY_SECONDS = 120.0
"""A person who mends a Secret or accepts a licence is not kept waiting for longer."""
_WITHOUT_NEWS = frozenset({FetchState.DONE, FetchState.FAILED, FetchState.LISTING, FetchState.RETRYING})
"""`Supervisor` says these itself, or has said them."""
_LOG_SECONDS = 30.0
_END_SECONDS = 3.0
"""For the process to give back its lock."""


class Supervisor:
    """Fetches one source to one path."""

    def __init__(
        self,
        source: WeightSource,
        path: str,
        *,
        cache: ModelCache | None = None,
        enter: Callable[[Phase, str, str], None],
        show: Callable[[FetchProgress], None],
        pace: Pace | None = None,
    ) -> None:
        """``enter`` changes phase, reason and message; ``show`` publishes the progress.

        With a ``cache`` the model is marked as used from `run` to `close`.
        """
        self._order = FetchOrder(
            source=source,
            path=path,
            cache=cache,
            holder=os.environ.get("HOSTNAME") or socket.gethostname(),
            incarnation=uuid.uuid4().hex,
            pace=pace or Pace(),
        )
        self._subject = source.describe()
        self._enter = enter
        self._show = show
        self._logged = 0.0
        self._blocked = ""
        """Why nothing moves; empty where something does."""
        users = ModelFolder(Path(path), source.folder_name()).users
        self._use = Use(users, self._order.mark) if cache else None

    async def run(self) -> WeightsOrigin | None:
        """Return when the whole model lies at the path: how it came there."""
        if self._use is not None:
            self._use.begin()
        seconds = _FIRST_RETRY_SECONDS
        self._enter(Phase.FETCHING_WEIGHTS, "", f"Asking for the files of {self._subject}.")
        while (last := await self._attempt()).state is not FetchState.DONE:
            reason = last.reason or "FetcherDied"
            message = last.message or f"The process that fetches {self._subject} ended without a word."
            self._block(reason, message)
            logger.warning("trying to fetch again in %.0f s", seconds)
            await asyncio.sleep(seconds)
            seconds = min(seconds * 2, _LAST_RETRY_SECONDS)
        return last.origin

    async def close(self) -> None:
        """The pod ends: it uses the model no more."""
        if self._use is not None:
            await self._use.end()

    async def _attempt(self) -> FetchEvent:
        """Run the process once; its last event."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)},
        )
        try:
            return await self._follow(process)
        finally:
            await _end(process)

    async def _follow(self, process: asyncio.subprocess.Process) -> FetchEvent:
        assert process.stdin is not None  # noqa: S101 - it was asked for
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(self._order.model_dump_json(by_alias=True).encode())
        process.stdin.close()
        event = FetchEvent(state=FetchState.FAILED)
        async for line in process.stdout:
            try:
                event = FetchEvent.model_validate_json(line)
            except ValidationError:
                continue
            self._tell(event)
        ended = event.state in (FetchState.DONE, FetchState.FAILED)
        return event if ended else FetchEvent(state=FetchState.FAILED)

    def _tell(self, event: FetchEvent) -> None:
        if event.progress is not None:
            self._show(event.progress)
        # Other words for the same reason, with another number or of another file, are no news before the attempt ends.
        if event.state is FetchState.RETRYING and event.reason != self._blocked:
            self._block(event.reason, event.message)
        if event.state in _WITHOUT_NEWS or (self._blocked and not _moves(event)):
            return
        self._blocked = ""
        phase = Phase.VERIFYING_WEIGHTS if event.state is FetchState.VERIFYING else Phase.FETCHING_WEIGHTS
        self._enter(phase, event.reason, event.message or f"Fetching {self._subject}.")
        if event.progress is not None and time.monotonic() - self._logged > _LOG_SECONDS:
            self._logged = time.monotonic()
            logger.info("%s: %s", self._subject, describe(event.progress))

    def _block(self, reason: str, message: str) -> None:
        """Until something moves: a new attempt alone does not mend what the last one found."""
        self._blocked = reason
        self._enter(Phase.WEIGHTS_INVALID, reason, message)


def _moves(event: FetchEvent) -> bool:
    """Bytes come, here or to the pod that fetches for this one, or all of them are there."""
    if event.state is FetchState.VERIFYING:
        return True
    return event.progress is not None and event.progress.seconds_left is not None


async def _end(process: asyncio.subprocess.Process) -> None:
    """Also when this task is cancelled: the process must not outlive it."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
