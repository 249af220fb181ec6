"""What can be wrong with weights that lie there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Why the folder cannot be served."""

    reason: str
    """Stable CamelCase word for ``PhaseReport.reason``."""
    message: str
    """One sentence with the path and what was found."""


class FoundError(Exception):
    """Carries the first problem out of the checks."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(reason, message)
