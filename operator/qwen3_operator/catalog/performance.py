"""Constants of the performance model, as calibrated on measured rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.catalog.accelerators import Family  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.base import Known, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


BASE_FAMILY: Family = "Hopper"
"""Where most rows were measured: other families take its constants with their own nominal rates."""


class PerformanceConstant(Row):
    """One constant; performance/coefficients.py says what each means."""

    name: str
    family: Family
    """Accelerators whose measured rows it comes from."""
    accelerator: str = ""
    """Of one accelerator of the family only, where it differs from its siblings."""
    value: float
    low: float
    high: float
    """Range over the folds of the cross-validation; equal to ``value`` where nothing was fitted."""
    known: Known
    source: str


@dataclass(frozen=True)
class PerformanceConstants:
    """The constants by name, and by accelerator or family."""

    rows: Mapping[tuple[str, str], PerformanceConstant]

    def value(self, name: str, accelerator: str = "", family: str = BASE_FAMILY) -> float:
        """The accelerator's own value, else the family's, else that of ``BASE_FAMILY``.

        Raises:
            KeyError: no row has that name.
        """
        rows = self.rows
        return (rows.get((name, accelerator)) or rows.get((name, family)) or rows[name, BASE_FAMILY]).value


def performance_constants(rows: Iterable[PerformanceConstant]) -> PerformanceConstants:
    """The rows by their keys.

    Raises:
        ValueError: two rows have the same name and place.
    """
    found: dict[tuple[str, str], PerformanceConstant] = {}
    for row in rows:
        key = (row.name, row.accelerator or row.family)
        if key in found:
            raise ValueError(f"performance.yaml: {row.name} of {key[1]} occurs twice")
        found[key] = row
    return PerformanceConstants(found)
