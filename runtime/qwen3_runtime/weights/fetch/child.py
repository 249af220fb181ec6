"""The process that fetches: reads an order, reports, and leaves nothing that could be mistaken for a model."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from qwen3_runtime import logs
from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.job import Job
from qwen3_runtime.weights.fetch.order import FetchEvent, FetchOrder, FetchState

if TYPE_CHECKING:
    from types import FrameType

logger = logging.getLogger(__name__)

_TERMINATED = 128 + signal.SIGTERM


class TerminatedError(BaseException):
    """SIGTERM."""


def main() -> NoReturn:
    """Run one order and end at once: threads that wait for a network or a disk are not waited for."""
    logs.set_up()
    for name in ("httpx2", "httpcore2", "huggingface_hub"):
        # Their lines hold signed addresses.
        logging.getLogger(name).setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _terminate)
    reporter = Reporter()
    code = 1
    try:
        order = FetchOrder.model_validate_json(sys.stdin.buffer.read())
        job = Job(order, lost=reporter.lost)
        reporter.follow(job, order.pace.report_seconds)
        origin = job.run()
        reporter.last(FetchEvent(state=FetchState.DONE, origin=origin, progress=job.event().progress))
        code = 0
    except FetchError as error:
        reporter.last(FetchEvent(state=FetchState.FAILED, reason=error.reason, message=error.message))
    except TerminatedError:
        code = _TERMINATED
    except Exception as error:
        logger.exception("the fetch failed in an unforeseen way")
        message = f"{type(error).__name__}: {_without_queries(str(error))}"
        reporter.last(FetchEvent(state=FetchState.FAILED, reason="FetchFailed", message=message))
    finally:
        os._exit(code)


class Reporter:
    """Writes events to what was stdout; anything that a library prints goes to stderr."""

    def __init__(self) -> None:
        self._out = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def follow(self, job: Job, seconds: float) -> None:
        """Report every few seconds from now on."""
        threading.Thread(target=self._follow, args=(job, seconds), daemon=True, name="report").start()

    def last(self, event: FetchEvent) -> None:
        """Report and say no more."""
        self._ended.set()
        self._write(event)

    def lost(self) -> NoReturn:
        """Another process took the lock: end before one more byte is written."""
        message = "Another process took over the fetch, since this one had not been seen for long."
        self.last(FetchEvent(state=FetchState.FAILED, reason="LockLost", message=message))
        os._exit(1)

    def _follow(self, job: Job, seconds: float) -> None:
        while not self._ended.wait(seconds):
            self._write(job.event())

    def _write(self, event: FetchEvent) -> None:
        line = event.model_dump_json(by_alias=True).encode() + b"\n"
        with self._lock:
            try:
                os.write(self._out, line)
            except BrokenPipeError:
                os._exit(1)  # nobody is there any more


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise TerminatedError


def _without_queries(text: str) -> str:
    return re.sub(r"\?\S+", "", text)
