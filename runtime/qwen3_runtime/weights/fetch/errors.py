"""Why a fetch does not go on."""

from __future__ import annotations


class FetchError(Exception):
    """Repeating the request would not help; a person has to change something.

    Args:
        reason: stable CamelCase word for ``PhaseReport.reason``.
        message: one sentence with the path or address and what was found. Never holds a secret.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class TransientError(Exception):
    """The same request may succeed later."""

    def __init__(self, message: str, *, reason: str = "SourceUnavailable", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after
        """Seconds that the server asked for."""
