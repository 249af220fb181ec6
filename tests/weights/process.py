"""The process that fetches, as PID 1 starts it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.weights.fetch.order import FetchEvent, FetchState
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from qwen3_runtime.weights.fetch.order import FetchOrder

RUNTIME = Path(__file__).parents[2] / "runtime"


class Fetcher:
    """A running process and what it has said so far."""

    def __init__(self, order: FetchOrder, log: Path, around: tuple[str, ...] = ()) -> None:
        """``around``: a command that runs the one that it is given."""
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*around, sys.executable, "-m", "qwen3_runtime.weights.fetch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={"PYTHONPATH": str(RUNTIME), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            )
        self.log = log
        self.events: list[FetchEvent] = []
        assert self.process.stdin is not None
        with self.process.stdin as stdin:
            stdin.write(order.model_dump_json(by_alias=True).encode())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                self.events.append(FetchEvent.model_validate_json(line))

    def wait_for(self, state: FetchState, bytes_done: int = 0) -> FetchEvent:
        """Wait until the process said so, and that so many bytes at least were there."""
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:
            for event in tuple(self.events):
                done = event.progress.bytes_done if event.progress else 0
                if event.state is state and done >= bytes_done:
                    return event
            time.sleep(0.01)
        raise AssertionError(f"no {state} with {bytes_done} bytes but {self.events[-1:]}")

    def end(self, number: int | None = None) -> FetchState | None:
        """Send a signal, if one is given, and wait for the end; the last state."""
        if number is not None:
            self.process.send_signal(number)
        self.process.wait(HANG_SECONDS)
        self._reader.join(HANG_SECONDS)
        return self.events[-1].state if self.events else None
