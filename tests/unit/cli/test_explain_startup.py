from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from qwen3_operator.api.status import Condition, StartupPhase, WeightsProgress
from qwen3_operator.cli.explain_startup import startup_table
from qwen3_runtime.sources import WeightsOrigin

PLANNED = StartupPhase(phase="Planned", started_at="2026-11-24T12:00:00Z", finished_at="2026-11-24T12:00:01.500Z")
SINCE = "2026-11-24T12:00:02Z"
TOTAL = 65_500_000_000


def written(*steps: StartupPhase, **failing: str) -> list[str]:
    """Lines of the table; ``failing``: reasons of the conditions that are False."""
    conditions = [
        Condition(
            type=kind, status="False", observed_generation=1, last_transition_time=SINCE, reason=reason, message="no"
        )
        for kind, reason in failing.items()
    ]
    console = Console(file=StringIO(), width=100, color_system=None)
    console.print(startup_table(steps, conditions))
    output = console.file
    assert isinstance(output, StringIO)
    return [line.rstrip() for line in output.getvalue().splitlines()]


def fetching(done: int, rate: int, left: int | None) -> StartupPhase:
    progress = WeightsProgress(
        percent=100 * done // TOTAL, bytes_done=done, bytes_total=TOTAL, bytes_per_second=rate, seconds_left=left
    )
    return StartupPhase(phase="WeightsFetched", started_at="2026-11-24T12:00:02Z", progress=progress)


def test_a_fetch_has_a_bar_its_rate_and_the_time_left() -> None:
    first, second = written(PLANNED, fetching(TOTAL // 2, 210_000_000, 156))
    assert first.split() == ["Planned", "1.5", "s"]
    assert second.split()[:2] == ["WeightsFetched", "..."]
    assert second.count("█") == 15, "half of thirty"
    assert second.endswith("50 % of 65.5 GB, 210.0 MB/s, 2 min left")


def test_a_fetch_that_stalls_says_so() -> None:
    assert written(fetching(TOTAL // 4, 0, None))[0].endswith("25 % of 65.5 GB, nothing comes")


def test_the_time_left_is_in_words_of_its_size() -> None:
    ends = [written(fetching(1, 1_000_000, left))[0].rpartition(", ")[2] for left in (59, 60, 3599, 7_260)]
    assert ends == ["59 s left", "1 min left", "59 min left", "2 h 1 min left"]


def test_a_finished_fetch_says_where_the_weights_came_from() -> None:
    fetched = StartupPhase(
        phase="WeightsFetched",
        started_at="2026-11-24T12:00:02Z",
        finished_at="2026-11-24T12:01:02Z",
        weights=WeightsOrigin.SOURCE,
    )
    running = StartupPhase(phase="EngineStarted", started_at="2026-11-24T12:01:02Z")
    first, second = written(fetched, running)
    assert first.split() == ["WeightsFetched", "60.0", "s", "from", "Source"]
    assert second.split() == ["EngineStarted", "...", "runs"]


@pytest.mark.parametrize(
    ("step", "failing", "said"),
    [
        ("WeightsChecked", {"WeightsReady": "FolderMissing", "Ready": "WeightsInvalid"}, "fails: FolderMissing"),
        (
            "WeightsFetched",
            {"WeightsReady": "SourceUnavailable", "Ready": "WeightsInvalid"},
            "fails: SourceUnavailable",
        ),
        ("Scheduled", {"Scheduled": "Unschedulable", "Ready": "Unschedulable"}, "fails: Unschedulable"),
        ("EngineStarted", {"Ready": "EngineStartFailed"}, "fails: EngineStartFailed"),
        ("WeightsChecked", {"Ready": "DeviceMissing"}, "fails: DeviceMissing"),
        ("EngineStarted", {"Ready": "Starting"}, "runs"),
        ("EngineStarted", {"Scheduled": "Unschedulable", "Ready": "Unschedulable"}, "runs"),
        ("Scheduled", {"Planned": "NoFit", "Ready": "NoFit"}, "runs"),
    ],
)
def test_a_step_that_fails_says_so_in_the_words_of_its_condition(step: str, failing: dict[str, str], said: str) -> None:
    """A reason that is another pod's, or the next plan's, is not this step's."""
    (line,) = written(StartupPhase(phase=step, started_at=SINCE), **failing)
    assert line.endswith(said)


def test_a_fetch_that_fails_keeps_its_bar() -> None:
    (line,) = written(fetching(TOTAL // 4, 0, None), WeightsReady="SourceStalled")
    assert line.endswith("25 % of 65.5 GB, fails: SourceStalled")


def test_a_finished_step_does_not_fail() -> None:
    assert written(PLANNED, Ready="EngineDied")[0].split() == ["Planned", "1.5", "s"]
