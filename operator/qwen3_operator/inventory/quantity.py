"""Kubernetes quantities (``resource.Quantity``) as whole numbers."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import lru_cache

_KEPT = 4096
"""Parsed texts that are remembered: a cluster writes the same few over and over."""
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(1 << 10),
    "Mi": Decimal(1 << 20),
    "Gi": Decimal(1 << 30),
    "Ti": Decimal(1 << 40),
    "Pi": Decimal(1 << 50),
    "Ei": Decimal(1 << 60),
}


def quantity(text: str | float) -> Decimal:
    """The number that a quantity such as ``500m``, ``16Gi`` or ``1e3`` stands for.

    Raises:
        ValueError: not a quantity.
    """
    written = str(text).strip()
    number = written.rstrip("numkKMGTPEi")
    try:
        return Decimal(number) * _SUFFIXES[written[len(number) :]]
    except (InvalidOperation, KeyError) as error:
        raise ValueError(f"not a Kubernetes quantity: {text!r}") from error


def whole(value: Decimal) -> int:
    """Rounded up, as Kubernetes rounds requests."""
    return int(value.to_integral_value(rounding=ROUND_CEILING))


@lru_cache(maxsize=_KEPT)
def millicores(text: str | float) -> int:
    """CPU in thousandths of a core."""
    return whole(quantity(text) * 1000)


@lru_cache(maxsize=_KEPT)
def amount(text: str | float) -> int:
    """Bytes or devices."""
    return whole(quantity(text))
