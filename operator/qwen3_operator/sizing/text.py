"""Numbers as people read them."""

from __future__ import annotations

_GB = 1_000_000_000
_MB = 1_000_000


def gigabytes(count: int) -> str:
    """``85.5 GB`` (1e9 bytes); below a tenth of it ``39 MB``."""
    return f"{count / _GB:.1f} GB" if count >= _GB / 10 else f"{count / _MB:.0f} MB"


def thousands(count: int) -> str:
    """``283k`` from ten thousand on, else the number."""
    return f"{count // 1000}k" if count >= 10_000 else str(count)  # noqa: PLR2004


def counted(count: int, noun: str) -> str:
    """``1 request``, ``2 requests``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
