"""What is told of each adapter of a running pod."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from qwen3_runtime.config import AdapterReport, AdapterState
from qwen3_runtime.lora.ports import REFUSED
from qwen3_runtime.weights.problem import FoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qwen3_runtime.config import AdapterFiles

logger = logging.getLogger(__name__)


class Reports:
    """One of each name; each change is published."""

    def __init__(self, show: Callable[[tuple[AdapterReport, ...]], None], served: Iterable[AdapterFiles]) -> None:
        self._show = show
        self._reports = {files.name: as_served(files) for files in served}
        self._unexpected: dict[str, Problem] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._reports

    def is_refused(self, name: str) -> bool:
        """Whether the last word on it is that the engine does not take it."""
        found = self._reports.get(name)
        return found is not None and (found.state, found.reason) == (AdapterState.INVALID, REFUSED)

    def put(self, name: str, state: AdapterState, problem: Problem | None, served: AdapterFiles | None) -> None:
        """Tell what is at ``name``, where ``served`` answers."""
        if state is AdapterState.SERVED:
            self._unexpected.pop(name, None)
        reason, message = (problem.reason, problem.message) if problem else ("", "")
        if served is not None and state is AdapterState.INVALID:
            message = f"{message} The one before it is served on: {origin(served)}."
        path = served.path if served else ""
        report = AdapterReport(name=name, state=state, reason=reason, message=message, path=path)
        if self._reports.get(name) != report:
            logger.info("adapter %s: %s %s", name, state, message)
        self._reports[name] = report
        self._show(tuple(self._reports.values()))

    def put_fault(self, name: str, error: Exception, served: AdapterFiles | None) -> None:
        """Tell that a try failed; of what nobody thought of, the log has the traceback once until it is served."""
        if (problem := _known(name, error)) is None:
            problem = Problem("Unexpected", f"adapter {name}: {type(error).__name__}: {error}. The pod's log has more.")
            if self._unexpected.get(name) != problem:
                logger.error("adapter %s is tried again", name, exc_info=error)
            self._unexpected[name] = problem
        self.put(name, AdapterState.INVALID, problem, served)

    def drop(self, name: str) -> None:
        """Nothing is to be told of it any more."""
        self._reports.pop(name, None)
        self._unexpected.pop(name, None)
        self._show(tuple(self._reports.values()))


def as_served(files: AdapterFiles) -> AdapterReport:
    """Of an adapter that answers."""
    return AdapterReport(name=files.name, state=AdapterState.SERVED, path=files.path)


def origin(files: AdapterFiles) -> str:
    """Where an adapter is from, for people."""
    return files.source.describe() if files.source else files.path


def _known(name: str, error: Exception) -> Problem | None:
    if isinstance(error, FoundError):
        return error.problem
    if isinstance(error, OSError) and error.filename is not None:
        return Problem("Unreadable", f"adapter {name}: {error.filename}: {error.strerror}.")
    return None
