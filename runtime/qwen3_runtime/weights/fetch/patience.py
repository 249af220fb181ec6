"""How long to wait after a failure, and when to stop trying."""

from __future__ import annotations

import random
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from qwen3_runtime.weights.fetch.errors import FetchError

if TYPE_CHECKING:
    from qwen3_runtime.weights.fetch.errors import TransientError
    from qwen3_runtime.weights.fetch.order import Pace


class Patience:
    """Exponential backoff with jitter for one file or one request."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failures = 0

    @property
    def is_tried(self) -> bool:
        """It failed twice in a row: one lost packet is no news."""
        return self._failures > 1

    def progressed(self) -> None:
        """Something came since the last failure: start counting anew."""
        self._failures = 0

    def wait(self, error: TransientError) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            FetchError: it was tried often enough.
        """
        self._failures += 1
        if self._failures >= self._pace.attempts:
            raise FetchError(error.reason, error.sentence) from error
        if error.retry_after is not None:
            return min(error.retry_after, self._pace.longest_retry_after_seconds)
        longest = min(self._pace.longest_backoff_seconds, self._pace.backoff_seconds * 2.0 ** (self._failures - 1))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads pods that failed together


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3: seconds or a date); None if it says nothing.

    ``now``: seconds since the epoch.
    """
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - now, 0.0)
    except ValueError:
        return None
