"""Quantities as the API server writes them back, so that a manifest compares equal with what it became."""

from __future__ import annotations

from qwen3_operator.inventory.quantity import amount, millicores

_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi")
_STEP = 1024


def cpu(quantity: str) -> str:
    """Cores: ``2000m`` is ``2``, ``500m`` stays."""
    thousandths = millicores(quantity)
    whole, rest = divmod(thousandths, 1000)
    return f"{thousandths}m" if rest else str(whole)


def memory(quantity: str) -> str:
    """Bytes: the largest binary suffix that leaves a whole number."""
    number, power = amount(quantity), 0
    while number and number % _STEP == 0 and power < len(_SUFFIXES) - 1:
        number //= _STEP
        power += 1
    return f"{number}{_SUFFIXES[power]}"
