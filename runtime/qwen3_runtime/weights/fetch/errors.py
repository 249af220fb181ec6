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

    @property
    def sentence(self) -> str:
        """For a condition: the same words at each try, since a status is written whenever they change."""
        when = "every two minutes or sooner" if self.retry_after is None else "when it allows"
        return f"{self}; it is asked again {when}."
