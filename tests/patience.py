"""How long a test waits for what must come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HANG_SECONDS = 120
"""Ends what hangs, below pytest's own limit, so that the test says what it waited for.

Nothing that is right takes so long: not on a machine that is five times slower for a while, nor beside another suite.
What has to take less, or more, is shown by the order of things instead.
"""


def until(check: Callable[[], bool]) -> None:
    """Wait for what sends no event."""
    deadline = time.monotonic() + HANG_SECONDS
    while not check():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
