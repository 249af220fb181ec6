"""The engine as a child process: started once, watched, ended with everything it started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.engines import processes
from qwen3_runtime.engines.log import EngineLog

if TYPE_CHECKING:
    from collections.abc import Mapping

WATCH_SECONDS = 0.2
"""Between two looks at the engine's processes: a death is noticed within this time."""
REAP_SECONDS = 5.0
"""Limit for a killed process to be gone; a device driver may hold it for a while."""


@dataclass(frozen=True)
class EngineExit:
    """How the engine ended."""

    code: int | None
    """Exit code, negative for a signal; None when the engine had to be killed because a worker was gone."""
    worker: str | None
    """Name of the worker process whose death was seen first."""
    silent_seconds: float | None = None
    """For how long requests waited while no worker did anything, where that is why it was killed."""

    def describe(self) -> str:
        """``exited with code 2`` and the like, to follow the engine's name."""
        if self.silent_seconds is not None:
            return f"did nothing for {self.silent_seconds:g} s, with requests waiting,"
        if self.code is None:
            return f"lost its process {self.worker}"
        if self.code < 0:
            return f"was killed by {signal.Signals(-self.code).name}"
        return f"exited with code {self.code}"


class Keeper:
    """One started engine."""

    def __init__(self, process: subprocess.Popen[bytes], log: EngineLog, worker_names: tuple[str, ...]) -> None:
        self._process = process
        self._worker_names = worker_names
        self._workers: dict[int, str] = {}
        self._silent_seconds: float | None = None
        self.log = log

    @classmethod
    async def start(
        cls, words: tuple[str, ...], environment: Mapping[str, str], worker_names: tuple[str, ...]
    ) -> Keeper:
        """Start the engine in a session of its own, so that one signal reaches all of its processes.

        Raises:
            OSError: the first of ``words`` cannot be run.
        """
        processes.adopt_orphans()
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - fork and exec only; its end is waited for in `ended`
            words,
            env=_environment(environment, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - narrows the type: stdout=PIPE
        return cls(process, await EngineLog.read(process.stdout), worker_names)

    def find_workers(self) -> None:
        """Note the engine's worker processes; from now on the death of one is the death of the engine."""
        self._workers.update(
            (member.pid, member.name)
            for member in processes.session_members(self._process.pid)
            if member.name.startswith(self._worker_names)
        )

    def worked(self) -> float:
        """Processor seconds of the engine's processes. Where there are several, not of the first: it takes requests."""
        members = processes.session_members(self._process.pid)
        workers = [member for member in members if member.pid != self._process.pid]
        return sum(member.processor_seconds for member in workers or members)

    async def give_up(self, silent_seconds: float) -> None:
        """End an engine that hangs; `ended` then says why."""
        self._silent_seconds = silent_seconds
        await self.kill()

    async def ended(self) -> EngineExit:
        """Wait until the engine or one of its workers is gone. Then all of it is killed and the log complete.

        A worker's death is not left to the engine to report: SGLang takes seven seconds to end after it, and
        requests would hang for as long. What the worker said is in the log by then.
        """
        worker: str | None = None
        while (code := self._reap()) is None and worker is None:
            await asyncio.sleep(WATCH_SECONDS)
            worker = self._dead_worker()
        await self.kill()
        return EngineExit(code, worker, self._silent_seconds)

    async def kill(self) -> None:
        """Kill every process of the engine and wait until they are gone, at most `REAP_SECONDS`."""
        try:
            async with asyncio.timeout(REAP_SECONDS):
                while self._signal(signal.SIGKILL):
                    self._reap()
                    await asyncio.sleep(WATCH_SECONDS / 10)
                await self.log.closed.wait()
        except TimeoutError:
            return

    def _reap(self) -> int | None:
        code = processes.reap(self._process.pid)
        if code is not None:
            self._process.returncode = code
        return self._process.returncode

    def _dead_worker(self) -> str | None:
        for pid, name in self._workers.items():
            process = processes.look(pid)
            if process is None or not process.alive or process.name != name:
                return name
        return None

    def _signal(self, number: signal.Signals) -> bool:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True


def _environment(wanted: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
    """The pod's own variables win over the adapter's. A home that cannot be written becomes the temporary folder."""
    environment = {**wanted, **inherited}
    if not os.access(environment.get("HOME", "/"), os.W_OK):
        environment["HOME"] = tempfile.gettempdir()
    return environment
