"""Errors of predictions, by group and in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.accuracy.rows import Measured

Predicted: TypeAlias = "tuple[Measured, float, float, float]"
"""A row with wall, first token and per token as predicted, in seconds."""


@dataclass(frozen=True, slots=True)
class Score:
    """Relative errors in percent."""

    rows: int
    mean: float
    """Of the absolute values (MAPE)."""
    bias: float
    worst: float

    @property
    def text(self) -> str:
        """Mean, bias and worst for a table."""
        return f"{self.mean:.1f} | {self.bias:+.1f} | {self.worst:.0f}" if self.rows else "- | - | -"


def score(errors: Iterable[float]) -> Score:
    """Mean, bias and worst of errors given as ratios."""
    found = 100 * np.array(list(errors))
    if not len(found):
        return Score(0, float("nan"), float("nan"), float("nan"))
    return Score(len(found), float(np.abs(found).mean()), float(found.mean()), float(np.abs(found).max()))


def wall_error(predicted: Predicted) -> float:
    """Of the time of a whole request."""
    row, wall, _, _ = predicted
    return wall / row.wall - 1


def first_error(predicted: Predicted) -> float:
    """Of the time to first token."""
    row, _, first, _ = predicted
    return first / row.first_token - 1


def per_error(predicted: Predicted) -> float:
    """Of the time per output token."""
    row, _, _, per = predicted
    return per / row.per_token - 1


def chosen(predicted: Sequence[Predicted], test: Callable[[Measured], bool]) -> list[Predicted]:
    """Predictions of the rows that pass ``test``."""
    return [found for found in predicted if test(found[0])]
