"""Why an engine in Python ended, out of its last lines. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

_ARGPARSE = ": error: "


def cause(log: Sequence[str], exceptions: Iterable[str], follow_up: re.Pattern[str]) -> str | None:
    """The message of argparse, else the last exception that is a cause, else the last exception.

    Args:
        log: Last lines of the engine, oldest first.
        exceptions: Those of them that are exceptions, as the engine prints them.
        follow_up: What exceptions have that only report that another process of the engine failed.
    """
    refused = next((line for line in reversed(log) if _ARGPARSE in line), None)
    if refused is not None:
        return refused.split(_ARGPARSE, 1)[1].strip()
    found = list(exceptions)
    causes = [line for line in found if not follow_up.search(line)]
    return next(reversed(causes or found), None)
