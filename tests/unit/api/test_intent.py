"""Lengths in numbers."""

from __future__ import annotations

import random
import statistics

import pytest

from qwen3_operator.api.intent import Tokens


@pytest.mark.parametrize(("p50", "p95"), [(1000, 2000), (1000, 4000), (300, 2400)])
def test_the_mean_is_that_of_lengths_with_such_percentiles(p50: int, p95: int) -> None:
    """Drawn by the standard library, whose 95th percentile is found in the draws."""
    draw = random.Random(1)  # noqa: S311 - lengths, no secrets
    unit = [draw.lognormvariate(0, 1) for _ in range(200_000)]
    tail = statistics.quantiles(unit, n=20)[-1]
    # A power of log-normal numbers is log-normal: this one has the wanted ratio of percentiles.
    power = next(x / 1000 for x in range(1, 3000) if tail ** (x / 1000) >= p95 / p50)
    mean = statistics.fmean(p50 * number**power for number in unit)
    assert Tokens(p50=p50, p95=p95).mean == pytest.approx(mean, rel=0.02)


def test_without_a_median_all_are_long() -> None:
    assert Tokens(p95=4000).mean == 4000


def test_the_mean_is_never_above_the_95th_percentile() -> None:
    assert Tokens(p50=1, p95=100_000).mean == 100_000
