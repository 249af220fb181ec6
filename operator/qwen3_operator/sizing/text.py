"""Numbers as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_GB = 1_000_000_000
_MB = 1_000_000


def gigabytes(count: int) -> str:
    """``85.5 GB`` (1e9 bytes); below a tenth of it ``39 MB``."""
    return f"{count / _GB:.1f} GB" if count >= _GB / 10 else f"{count / _MB:.0f} MB"


def thousands(count: int) -> str:
    """``283k`` from ten thousand on, ``137.5M`` from ten million on, else the number."""
    if count >= 10_000_000:  # noqa: PLR2004
        return f"{count / 1_000_000:.1f}M"
    return f"{count // 1000}k" if count >= 10_000 else str(count)  # noqa: PLR2004


def counted(count: int, noun: str) -> str:
    """``1 request``, ``2 requests``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def milliseconds(time: float) -> str:
    """Seconds as ``412ms``, below a hundred milliseconds with one decimal, from ten seconds on ``12.3s``."""
    count = time * 1000
    if count >= 10_000:  # noqa: PLR2004
        return f"{time:.1f}s"
    return f"{count:.1f}ms" if count < 100 else f"{count:.0f}ms"  # noqa: PLR2004


def money(amount: Decimal) -> str:
    """``12.40``: two decimals, below one up to four where it takes them: ``0.70``, ``0.7036``; ``0`` is nothing."""
    if amount >= 1:
        return f"{amount:.2f}"
    if not amount:
        return "0"
    whole, _, decimals = f"{amount:.4f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"
