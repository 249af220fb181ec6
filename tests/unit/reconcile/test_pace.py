"""What a replica did, beside what it should do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwen3_operator.performance import Speed
from qwen3_operator.reconcile.pace import Pace, says_something
from qwen3_operator.reconcile.readings import Load
from tests.unit.manifests.samples import placement

LOAD = Load(100, 0.2, 0.025, 8.0, 1000, 100)


def speed(seconds: float) -> Speed:
    """Per output token."""
    return Speed(0.1, seconds, 0.1, 100.0, 100.0, 8.0, "measured")


def after(loads: int, *, found: float, predicted: float, without_cached: float) -> Pace:
    pace = Pace()
    for _ in range(loads):
        pace = pace.after(replace(LOAD, output_token_seconds=found), speed(predicted), speed(without_cached))
    return pace


@pytest.mark.parametrize(
    ("found", "predicted", "without_cached", "ratio"),
    [
        (0.020, 0.020, 0.020, 1.0),
        (0.025, 0.020, 0.020, 0.8),
        (0.016, 0.020, 0.020, 1.25),
        (0.200, 0.020, 0.020, 0.5),
        (0.001, 0.020, 0.020, 1.5),
        (0.016, 0.020, 0.012, 1.0),
        (0.010, 0.020, 0.012, 1.2),
        (0.025, 0.020, 0.012, 0.8),
    ],
    ids=[
        "as predicted",
        "slower",
        "faster",
        "far slower",
        "far faster",
        "between",
        "faster than both",
        "slower than both",
    ],
)
def test_pace(found: float, predicted: float, without_cached: float, ratio: float) -> None:
    pace = after(200, found=found, predicted=predicted, without_cached=without_cached)
    assert pace.ratio == pytest.approx(ratio, abs=0.005)
    assert pace.is_known


def test_one_load_moves_little_and_says_nothing_yet() -> None:
    pace = after(1, found=0.040, predicted=0.020, without_cached=0.020)
    assert pace.ratio == 0.75
    assert not pace.is_known
    late = after(50, found=0.020, predicted=0.020, without_cached=0.020)
    late = late.after(replace(LOAD, output_token_seconds=0.040), speed(0.020), speed(0.020))
    assert late.ratio > 0.95


def test_without_a_second_token_nothing_is_known() -> None:
    assert Pace().after(replace(LOAD, output_token_seconds=None), speed(0.02), speed(0.02)) == Pace()


def test_light_loads_say_nothing_of_the_capacity() -> None:
    place = placement(max_concurrency=32)
    assert says_something(LOAD, place)
    assert not says_something(replace(LOAD, running=7.9), place)
