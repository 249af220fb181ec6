"""Speeds of many pairs of layout and load at once, and the largest concurrency that meets a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.closed_loop import Times, closed_loop
from qwen3_operator.performance.coefficients import Coefficients, coefficients
from qwen3_operator.performance.coverage import is_covered
from qwen3_operator.performance.formats import FORMATS
from qwen3_operator.performance.gather import gather
from qwen3_operator.performance.types import Speed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.catalog.base import Known
    from qwen3_operator.catalog.performance import PerformanceConstants
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.types import Layout, Load

_MEDIAN, _TAIL = 50, 95
"""Percentiles: the first stands for the mean, long prompts are given at the second."""
PREDICTED_DEVICES = frozenset({"cuda", "rocm"})
"""Kinds of devices whose speed is predicted; nothing was measured on others."""
MOST_CLIENTS = 4096
"""Above it ``largest_concurrency`` does not look: SGLang's own limit of running requests."""


def speeds(pairs: Sequence[tuple[Layout, Load]], constants: PerformanceConstants) -> list[Speed | None]:
    """Predicted speed of each pair; None where nothing is known (Ascend, CPU, an accelerator without numbers)."""
    known = [knowledge(layout, load.concurrency) for layout, load in pairs]
    asked = [pair for pair, mark in zip(pairs, known, strict=True) if mark != "unknown"]
    if not asked:
        return [None] * len(pairs)
    batch = gather(asked)
    times = closed_loop(batch, _coefficients(asked, constants))
    clients = np.array([load.concurrency for _, load in asked], dtype=float)
    answers = iter(_speeds(batch, times, clients, [mark for mark in known if mark != "unknown"]))
    return [None if mark == "unknown" else next(answers) for mark in known]


def largest_concurrency(
    pairs: Sequence[tuple[Layout, Load]],
    time_to_first_token: float | None,
    time_per_output_token: float | None,
    constants: PerformanceConstants,
    percentile: int = 50,
) -> list[int]:
    """Most clients of one replica that all run at once and see both targets met; 0 where one client misses.

    Args:
        pairs: the load's own concurrency does not count.
        time_to_first_token: seconds, at ``percentile``.
        time_per_output_token: seconds.
        constants: of the catalog.
        percentile: 50 stands for the mean.
    """
    known = np.array([knowledge(layout) != "unknown" for layout, _ in pairs], dtype=bool)
    asked = [pair for pair, mark in zip(pairs, known, strict=True) if mark]
    found = np.zeros(len(pairs), dtype=int)
    if asked:
        limit = _Targets(time_to_first_token, time_per_output_token, percentile)
        found[known] = limit.largest(gather(asked), _coefficients(asked, constants))
    return [int(count) for count in found]


def knowledge(layout: Layout, concurrency: float = 1) -> Known:
    """How well the speed of a layout with so many clients is known."""
    accelerator = layout.accelerator
    numbers = accelerator.memory_bandwidth and (accelerator.rates.get("BF16") or accelerator.rates.get("FP16"))
    if accelerator.device not in PREDICTED_DEVICES or not numbers or layout.quantization not in FORMATS:
        return "unknown"
    if layout.nodes > 1:
        return "unknown"  # no row was measured over nodes, and their network is in no catalog
    return "measured" if is_covered(layout, concurrency) else "calculated"


@dataclass(frozen=True, slots=True)
class _Targets:
    first_token: float | None
    per_token: float | None
    percentile: int

    def largest(self, batch: Replicas, k: Coefficients) -> Floats:
        """Bisection over the clients of one data-parallel group: times grow with them."""
        low = np.zeros_like(batch.clients)
        high = np.minimum(MOST_CLIENTS, np.floor(batch.kv_tokens / (batch.input + batch.output)))
        while np.any(low < high):
            middle = np.ceil((low + high) / 2)
            good = self._met(replace(batch, clients=np.maximum(middle, 1.0)), k)
            low, high = np.where(good, middle, low), np.where(good, high, middle - 1)
        return low * batch.data_parallel

    def _met(self, batch: Replicas, k: Coefficients) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        times = closed_loop(batch, k)
        good = np.ones(len(batch.clients), dtype=bool)
        if self.first_token is not None:
            good &= first_token_at(times, self.percentile) <= self.first_token
        if self.per_token is not None:
            good &= times.per_token <= self.per_token
        return good


def first_token_at(times: Times, percentile: int) -> Floats:
    """Time to first token at a percentile from 50 on.

    Requests of one wave are done evenly from its start to its end (SGLang), and arrivals that clump wait evenly behind
    each other (vLLM): from the mean at 50 the time grows in proportion to the last one's at 100. How long a prompt is
    does not hang on whose turn it is: the two spreads add up as those of independent numbers do, as the root of the sum
    of their squares.
    """
    behind = times.behind * (_TAIL - _MEDIAN) / (100 - _MEDIAN)
    spread = np.hypot(behind, times.longer)
    return np.asarray(times.first_token + spread * max(0, percentile - _MEDIAN) / (_TAIL - _MEDIAN))


def _coefficients(pairs: Sequence[tuple[Layout, Load]], constants: PerformanceConstants) -> Coefficients:
    return coefficients(constants, [layout.accelerator for layout, _ in pairs])


def _speeds(batch: Replicas, times: Times, clients: Floats, known: Sequence[Known]) -> list[Speed]:
    """``clients`` are those of the replica: fewer than groups leave some idle."""
    answer = times.first_token + (batch.output - 1) * times.per_token
    columns = (
        times.first_token,
        times.per_token,
        first_token_at(times, _TAIL),
        np.maximum(clients, 1.0) * batch.output / answer,
        (batch.input + batch.output) / answer,
        np.minimum(times.running * batch.data_parallel, np.maximum(clients, 1.0)),
    )
    rows = zip(*(column.tolist() for column in columns), known, strict=True)
    return [Speed(*row) for row in rows]
