"""Progress as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_runtime.sources import FetchProgress

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000
_MINUTE = 60
_HOUR = 3600


def describe(progress: FetchProgress) -> str:
    """``3.1 GB of 16.4 GB (18 %), 210 MB/s, 1 min 3 s left``."""
    share = progress.bytes_done / progress.bytes_total if progress.bytes_total else 1.0
    text = f"{size(progress.bytes_done)} of {size(progress.bytes_total)} ({share:.0%})"
    if progress.seconds_left is not None:
        text += f", {size(progress.bytes_per_second)}/s, {duration(progress.seconds_left)} left"
    return text.replace("%", " %")


def size(count: float) -> str:
    """Bytes in powers of a thousand, three digits at most before the unit."""
    unit = 0
    while count >= _STEP and unit < len(_UNITS) - 1:
        count /= _STEP
        unit += 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 or count >= _STEP / 10 else f"{count:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """``45 s``, ``1 min 3 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
