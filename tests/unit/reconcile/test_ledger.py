from __future__ import annotations

import itertools
from dataclasses import replace

from qwen3_operator.reconcile.ledger import STEPS, startup
from qwen3_operator.reconcile.observed import Failure
from qwen3_operator.reconcile.report import report
from qwen3_runtime.config import Phase
from tests.unit.manifests.samples import plan
from tests.unit.reconcile.samples import NOW, observed, phase, pod, view

FINISHED = {
    "CHECKING_WEIGHTS": "2026-11-24T12:00:07.250Z",
    "STARTING_ENGINE": "2026-11-24T12:00:30.500Z",
    "WARMING_UP": "2026-11-24T12:00:31.000Z",
}
PLANNED_AT = "2026-11-24T12:00:01Z"


def test_planning_starts_with_the_object() -> None:
    first, running = startup(observed(), PLANNED_AT)
    assert (first.phase, first.started_at, first.finished_at) == ("Planned", "2026-11-24T12:00:00Z", PLANNED_AT)
    assert (running.phase, running.started_at, running.finished_at) == ("Scheduled", PLANNED_AT, None)


def test_all_steps_follow_each_other() -> None:
    steps = startup(observed(view(pod(ready=True), phase(Phase.READY, **FINISHED))), PLANNED_AT)
    assert [step.phase for step in steps] == list(STEPS)
    assert all(before.finished_at == after.started_at for before, after in itertools.pairwise(steps))
    assert steps[-1].finished_at == FINISHED["WARMING_UP"]


def test_the_running_step_is_open() -> None:
    seen = view(pod(), phase(Phase.STARTING_ENGINE, CHECKING_WEIGHTS=FINISHED["CHECKING_WEIGHTS"]))
    steps = startup(observed(seen), PLANNED_AT)
    assert steps[-1].phase == "EngineStarted"
    assert steps[-1].finished_at is None


def test_what_is_written_stays_when_the_pod_is_another() -> None:
    done = report(observed(view(pod(ready=True), phase(Phase.READY, **FINISHED))), PLANNED_AT)
    replaced = observed(view(pod("other", ready=False)), previous=done.to_json())
    assert startup(replaced, NOW) == done.startup


def test_a_new_plan_opens_a_new_ledger() -> None:
    done = report(observed(view(pod(ready=True), phase(Phase.READY, **FINISHED))), PLANNED_AT)
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
