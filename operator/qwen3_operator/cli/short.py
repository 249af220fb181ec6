"""Numbers and times in a few characters, for columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIMES = ((86_400, "d"), (3600, "h"), (60, "m"))


def count(number: float) -> str:
    """Three digits and a unit; whole below a thousand."""
    for size, unit in _UNITS:
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def ago(length: timedelta) -> str:
    """How long ago, in the largest unit that fits; a clock that is behind counts as now."""
    seconds = max(0, int(length.total_seconds()))
    for size, unit in _TIMES:
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"
