from __future__ import annotations

import pytest

from qwen3_runtime.sources import FetchProgress
from qwen3_runtime.weights.fetch.errors import TransientError
from qwen3_runtime.weights.fetch.meter import Meter
from qwen3_runtime.weights.fetch.words import describe, duration, size


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_counts_what_came_over_the_network_only() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.expect(2, 10_000)
    meter.found(4_000)
    clock.now += 10
    meter.received(1_000)
    progress = meter.progress()
    assert (progress.bytes_done, progress.bytes_total) == (5_000, 10_000)
    assert progress.bytes_per_second == 100
    assert progress.seconds_left == 50


def test_rate_is_of_the_last_seconds() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.expect(1, 1_000_000)
    for _ in range(60):
        clock.now += 1
        meter.received(1_000)
        meter.progress()
    for _ in range(20):
        clock.now += 1
        meter.progress()
    progress = meter.progress()
    assert progress.bytes_per_second == 0
    assert progress.seconds_left is None


def test_bytes_given_up_do_not_count() -> None:
    meter = Meter(Clock())
    meter.expect(1, 1_000)
    meter.received(600)
    meter.found(-600)
    meter.retried()
    assert (meter.progress().bytes_done, meter.progress().retries) == (0, 1)


def test_an_obstacle_stays_until_the_source_answers_or_bytes_come() -> None:
    meter, dead = Meter(Clock()), TransientError("no answer")
    meter.retried(dead)
    meter.retried()
    meter.retried(TransientError("cut"))
    assert meter.obstacle is dead, "obstacles of several files would take turns"
    meter.expect(1, 1_000)
    assert meter.obstacle is None
    meter.retried(dead)
    meter.received(1)
    assert meter.obstacle is None


def test_sentence() -> None:
    progress = FetchProgress(
        bytes_done=3_100_000_000,
        bytes_total=16_400_000_000,
        files_done=1,
        files_total=5,
        bytes_per_second=210_000_000,
        seconds_left=63.3,
    )
    assert describe(progress) == "3.1 GB of 16.4 GB (19 %), 210 MB/s, 1 min 3 s left"


def test_sentence_without_a_rate() -> None:
    assert describe(FetchProgress(bytes_done=0, bytes_total=0, files_done=0, files_total=0)) == "0 B of 0 B (100 %)"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (123_456, "123 kB"), (5e15, "5000 TB")]
)
def test_size(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7500, "2 h 5 min")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
