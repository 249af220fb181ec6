from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from qwen3_operator.api.status import WeightsProgress
from qwen3_operator.reconcile.ledger import STEPS, startup
from qwen3_operator.reconcile.observed import Failure
from qwen3_operator.reconcile.report import report
from qwen3_runtime.config import Phase, PhaseRecord, PhaseReport
from qwen3_runtime.sources import FetchProgress, WeightsOrigin
from tests.unit.manifests.samples import deployment, plan
from tests.unit.reconcile.samples import NOW, observed, phase, pod, view

BEGAN = {
    "CHECKING_WEIGHTS": "2026-11-24T12:00:05.250Z",
    "STARTING_ENGINE": "2026-11-24T12:00:07.250Z",
    "WARMING_UP": "2026-11-24T12:00:30.500Z",
    "READY": "2026-11-24T12:00:31.000Z",
}
PLANNED_AT = "2026-11-24T12:00:01Z"


def test_planning_starts_with_the_object() -> None:
    first, running = startup(observed(), PLANNED_AT)
    assert (first.phase, first.started_at, first.finished_at) == ("Planned", "2026-11-24T12:00:00Z", PLANNED_AT)
    assert (running.phase, running.started_at, running.finished_at) == ("Scheduled", PLANNED_AT, None)


def test_all_steps_follow_each_other() -> None:
    steps = startup(observed(view(pod(ready=True), phase(Phase.READY, **BEGAN))), PLANNED_AT)
    assert [step.phase for step in steps] == [step for step in STEPS if step != "WeightsFetched"]
    assert all(before.finished_at == after.started_at for before, after in itertools.pairwise(steps))
    assert steps[-1].finished_at == BEGAN["READY"]


FETCHED = deployment({"model": {"source": {"huggingFace": {}}, "cache": {"claimName": "cache"}}})
CHECKED_FROM = "2026-11-24T12:00:06.500Z"


@pytest.mark.parametrize("origin", WeightsOrigin)
def test_a_fetch_is_a_step_that_says_where_the_weights_came_from(origin: WeightsOrigin) -> None:
    history = (
        PhaseRecord(phase=Phase.FETCHING_WEIGHTS, started_at=PLANNED_AT, finished_at="2026-11-24T12:00:06Z"),
        PhaseRecord(phase=Phase.VERIFYING_WEIGHTS, started_at="2026-11-24T12:00:06Z", finished_at=CHECKED_FROM),
        PhaseRecord(phase=Phase.CHECKING_WEIGHTS, started_at=CHECKED_FROM, finished_at="2026-11-24T12:00:07Z"),
        PhaseRecord(phase=Phase.STARTING_ENGINE, started_at="2026-11-24T12:00:07Z"),
    )
    seen = PhaseReport(phase=Phase.STARTING_ENGINE, weights_origin=origin, history=history)
    steps = startup(observed(view(pod(), seen), deployment=FETCHED), PLANNED_AT)
    assert [step.phase for step in steps] == list(STEPS)[:-1]
    by_name = {step.phase: step for step in steps}
    assert by_name["WeightsFetched"].finished_at == CHECKED_FROM
    assert by_name["WeightsChecked"].started_at == CHECKED_FROM
    assert {step.phase: step.weights for step in steps if step.weights} == {"WeightsFetched": origin}


def fetching(done: int, **progress: float | None) -> PhaseReport:
    found = FetchProgress(bytes_done=done, bytes_total=1_000_000, files_done=0, files_total=2, **progress)
    return PhaseReport(phase=Phase.FETCHING_WEIGHTS, progress=found)


def told(seen: PhaseReport, before: WeightsProgress | None = None) -> WeightsProgress | None:
    """Progress of the open step, where ``before`` is written."""
    now = observed(view(pod(), seen), deployment=FETCHED)
    steps = startup(now, PLANNED_AT)
    if before is not None:
        stored = [step.to_json() for step in (*steps[:-1], steps[-1].model_copy(update={"progress": before}))]
        steps = startup(replace(now, previous={"plan": {"specDigest": plan().spec_digest}, "startup": stored}), NOW)
    return steps[-1].progress


def test_a_fetch_that_runs_says_how_far_it_is() -> None:
    found = told(fetching(123_456, bytes_per_second=5000.4, seconds_left=175.3))
    assert found == WeightsProgress(
        percent=12, bytes_done=123_456, bytes_total=1_000_000, bytes_per_second=5000, seconds_left=175
    )


def test_progress_is_written_with_each_percent_and_when_it_stalls_or_goes_on() -> None:
    running: dict[str, float | None] = {"bytes_per_second": 5000.0, "seconds_left": 175.0}
    before = told(fetching(123_456, **running))
    assert told(fetching(129_999, **running), before) == before
    further, stalled = told(fetching(130_000, **running), before), told(fetching(123_456), before)
    assert further is not None
    assert further.percent == 13
    assert stalled is not None
    assert (stalled.percent, stalled.bytes_per_second, stalled.seconds_left) == (12, 0, None)
    assert told(fetching(123_456, **running), stalled) == before


def test_a_fetch_that_runs_is_the_open_step() -> None:
    steps = startup(observed(view(pod(), phase(Phase.FETCHING_WEIGHTS)), deployment=FETCHED), PLANNED_AT)
    assert (steps[-1].phase, steps[-1].finished_at, steps[-1].weights) == ("WeightsFetched", None, None)


def test_adapters_alone_are_a_fetch_too_but_no_start_of_the_model() -> None:
    adapters = [{"name": "law", "source": {"huggingFace": {"repository": "team/law"}}}]
    history = (PhaseRecord(phase=Phase.CHECKING_WEIGHTS, started_at=CHECKED_FROM),)
    seen = view(pod(), PhaseReport(phase=Phase.CHECKING_WEIGHTS, history=history))
    fetched = startup(observed(seen, deployment=deployment({"model": {"adapters": adapters}})), PLANNED_AT)[-2]
    assert (fetched.phase, fetched.finished_at, fetched.weights) == ("WeightsFetched", CHECKED_FROM, None)


def test_the_running_step_is_open() -> None:
    seen = view(pod(), phase(Phase.STARTING_ENGINE, STARTING_ENGINE=BEGAN["STARTING_ENGINE"]))
    steps = startup(observed(seen), PLANNED_AT)
    assert steps[-1].phase == "EngineStarted"
    assert steps[-1].finished_at is None


@pytest.mark.parametrize(
    ("last", "failed", "step"),
    [
        (Phase.CHECKING_WEIGHTS, Phase.WEIGHTS_INVALID, "WeightsChecked"),
        (Phase.STARTING_ENGINE, Phase.FAILED, "EngineStarted"),
        (Phase.WARMING_UP, Phase.FAILED, "FirstToken"),
    ],
)
def test_a_step_that_failed_is_not_finished(last: Phase, failed: Phase, step: str) -> None:
    """Its phase has ended, and the one that a success would have brought has not begun."""
    passed = list(BEGAN)[: list(BEGAN).index(last.name) + 1]
    history = {name: BEGAN[name] for name in passed} | {failed.name: NOW}
    steps = startup(observed(view(pod(), phase(failed, "FolderMissing", "no folder", **history))), PLANNED_AT)
    assert (steps[-1].phase, steps[-1].finished_at) == (step, None)


def test_weights_that_are_mended_are_checked_until_the_engine_starts() -> None:
    history = {"CHECKING_WEIGHTS": PLANNED_AT, "WEIGHTS_INVALID": "2026-11-24T12:00:08Z", "STARTING_ENGINE": NOW}
    checked = startup(observed(view(pod(), phase(Phase.STARTING_ENGINE, **history))), PLANNED_AT)[-2]
    assert (checked.phase, checked.finished_at) == ("WeightsChecked", NOW)


def test_what_is_written_stays_when_the_pod_is_another() -> None:
    done = report(observed(view(pod(ready=True), phase(Phase.READY, **BEGAN))), PLANNED_AT)
    replaced = observed(view(pod("other", ready=False)), previous=done.to_json())
    assert startup(replaced, NOW) == done.startup


def test_a_new_plan_opens_a_new_ledger() -> None:
    done = report(observed(view(pod(ready=True), phase(Phase.READY, **BEGAN))), PLANNED_AT)
    changed = observed(plan=plan(spec_digest="d2"), previous=done.to_json())
    first, *rest = startup(changed, NOW)
    assert (first.started_at, first.finished_at) == (NOW, NOW)
    assert [step.phase for step in rest] == ["Scheduled"]


def test_a_step_never_ends_before_it_starts() -> None:
    late = "2026-11-24T12:00:04.900Z"
    steps = startup(observed(view(pod())), late)
    assert steps[1].started_at == steps[1].finished_at == late


def test_a_failed_plan_adds_nothing() -> None:
    begun = report(observed(), PLANNED_AT)
    failed = replace(observed(view(pod()), previous=begun.to_json()), failure=Failure("NoFit", "no"), desired=())
    assert startup(failed, NOW) == begun.startup


def test_a_ledger_of_another_version_begins_anew() -> None:
    written = report(observed(), PLANNED_AT).to_json()
    written["startup"].append({"phase": "WeightsFetched", "startedAt": PLANNED_AT, "weights": "Elsewhere"})
    steps = startup(replace(observed(), previous=written), PLANNED_AT)
    assert [step.phase for step in steps] == ["Planned", "Scheduled"]
