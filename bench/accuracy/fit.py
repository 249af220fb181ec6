"""Calibration: constants that fit the measured rows, held near what is known of the hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from bench.accuracy.priors import PRIORS, Key
from bench.accuracy.rows import Measured
from qwen3_operator.performance.closed_loop import Times, closed_loop
from qwen3_operator.performance.coefficients import NAMES, Coefficients, Number
from qwen3_operator.performance.gather import gather

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bench.accuracy.errors import Predicted
    from qwen3_operator.performance.arrays import Floats, Replicas

SCALE = 0.08
"""Relative error that counts as one."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows with their arrays, made once for many evaluations."""

    rows: Sequence[Measured]
    batch: Replicas
    wall: Floats
    first_token: Floats
    per_token: Floats
    first_token_weight: Floats
    accelerators: dict[str, NDArray[np.bool_]]


def coefficients(data: Rows, values: Mapping[Key, float]) -> Coefficients:
    """The constants as one number, or one per row where an accelerator has its own."""
    found: dict[str, Number] = {name: values[name, ""] for name in NAMES}
    for (name, accelerator), value in values.items():
        if accelerator and accelerator in data.accelerators:
            found[name] = np.where(data.accelerators[accelerator], value, found[name])
    return Coefficients(**found)


def prepared(rows: Sequence[Measured]) -> Rows:
    """Arrays of the rows."""
    places = {row.layout.accelerator.name for row in rows}
    return Rows(
        rows,
        gather([(row.layout, row.load) for row in rows]),
        np.array([row.wall for row in rows]),
        np.array([row.first_token for row in rows]),
        np.array([row.per_token for row in rows]),
        np.array([0.2 if row.kv_limited else 0.5 for row in rows]),
        {name: np.array([row.layout.accelerator.name == name for row in rows]) for name in places},
    )


def wall(batch: Replicas, times: Times) -> Floats:
    """Seconds from the request to its last token."""
    return np.asarray(times.first_token + (batch.output - 1) * times.per_token)


def fit(rows: Sequence[Measured], fixed: Mapping[Key, float]) -> dict[Key, float]:
    """Values of the constants that have a prior; the others stay at ``fixed``."""
    data = prepared([row for row in rows if not row.apart])
    names = list(PRIORS)
    mean = np.log([PRIORS[name].value for name in names])
    width = np.array([PRIORS[name].width for name in names])
    qwen = np.isfinite(data.wall)

    def residuals(x: Floats) -> Floats:
        values = dict(fixed) | dict(zip(names, np.exp(x).tolist(), strict=True))
        times = closed_loop(data.batch, coefficients(data, values))
        errors = np.concatenate(
            [
                np.log(wall(data.batch, times) / data.wall)[qwen],
                np.log(times.per_token / data.per_token)[~qwen],
                (np.log(times.first_token / data.first_token) * data.first_token_weight)[~qwen],
            ]
        )
        z = errors / SCALE
        soft = np.sign(z) * np.sqrt(2 * (np.sqrt(1 + z * z) - 1))
        return np.concatenate([0.7 * soft, (x - mean) / width])

    found = least_squares(residuals, mean, bounds=(mean - 4 * width, mean + 4 * width), x_scale=width)
    return dict(fixed) | dict(zip(names, np.exp(found.x).tolist(), strict=True))


def cross_validated(
    rows: Sequence[Measured], fixed: Mapping[Key, float]
) -> tuple[dict[str, dict[Key, float]], list[Predicted]]:
    """Constants per fold, and each row with wall, first token and per token as predicted without its group."""
    folds: dict[str, dict[Key, float]] = {}
    predicted: list[Predicted] = []
    for group in sorted({row.group for row in rows}):
        folds[group] = fit([row for row in rows if row.group != group], fixed)
        predicted += predict([row for row in rows if row.group == group], folds[group])
    return folds, predicted


def without_its_length(rows: Sequence[Measured], fixed: Mapping[Key, float], group: str) -> list[Predicted]:
    """Rows of one group, each predicted without those of its own prompt length, but with the rest of the group."""
    predicted: list[Predicted] = []
    for length in sorted({row.load.input_tokens for row in rows if row.group == group}):
        left, others = list[Measured](), list[Measured]()
        for row in rows:
            (left if row.group == group and row.load.input_tokens == length else others).append(row)
        predicted += predict(left, fit(others, fixed))
    return predicted


def predict(rows: Sequence[Measured], values: Mapping[Key, float]) -> list[Predicted]:
    """Each row with wall, first token and per token."""
    data = prepared(rows)
    times = closed_loop(data.batch, coefficients(data, values))
    columns = (wall(data.batch, times), times.first_token, times.per_token)
    return list(zip(rows, *(column.tolist() for column in columns), strict=True))
