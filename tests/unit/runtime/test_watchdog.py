"""When an engine counts as hanging."""

from __future__ import annotations

import pytest

from qwen3_runtime.engines.watchdog import Watchdog

LIMIT = 60.0


def first_alarm(share: float, waiting_since: float | None, seconds: int = 600) -> int | None:
    """The second at which a watchdog that looks every five raises the alarm; the workers take ``share`` of a core."""
    watchdog = Watchdog(LIMIT)
    for now in range(0, seconds, 5):
        if watchdog.hangs(float(now), waiting_since, now * share):
            return now
    return None


def test_nobody_works_while_requests_wait() -> None:
    assert first_alarm(0.0, 0.0) == 60
    assert first_alarm(0.0, 100.0) == 160


@pytest.mark.parametrize("share", [1.0, 0.05, 0.02])
def test_a_long_prompt_is_no_hang(share: float) -> None:
    assert first_alarm(share, 0.0, seconds=3600) is None


def test_an_idle_engine_is_no_hang() -> None:
    assert first_alarm(0.0, None) is None


def test_housekeeping_is_no_work() -> None:
    assert first_alarm(0.001, 0.0) == 60


def test_a_hang_after_work_counts_from_its_beginning() -> None:
    watchdog = Watchdog(LIMIT)
    assert not any(watchdog.hangs(float(now), 0.0, now) for now in range(0, 300, 5))
    assert not watchdog.hangs(354.0, 0.0, 295)
    assert watchdog.hangs(360.0, 0.0, 295)


def test_the_end_of_a_worker_begins_a_new_count() -> None:
    watchdog = Watchdog(LIMIT)
    assert not watchdog.hangs(0.0, 0.0, 100)
    assert not watchdog.hangs(59.0, 0.0, 40)
    assert not watchdog.hangs(110.0, 0.0, 40)
    assert watchdog.hangs(120.0, 0.0, 40)
