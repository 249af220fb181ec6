"""The startup ledger: how long each step from the apply to the first token took. Pure.

It describes the first pod of the current plan. A step that is finished is never written again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from qwen3_operator.api.source import FETCHED_KINDS
from qwen3_operator.api.status import StartupPhase, WeightsProgress
from qwen3_operator.reconcile.observed import Observed, PodView, condition
from qwen3_runtime.config import Phase, PhaseRecord, PhaseReport

if TYPE_CHECKING:
    from qwen3_runtime.sources import WeightsOrigin

PLANNED = "Planned"
SCHEDULED = "Scheduled"
CONTAINER_STARTED = "ContainerStarted"
WEIGHTS_FETCHED = "WeightsFetched"
WEIGHTS_CHECKED = "WeightsChecked"
ENGINE_STARTED = "EngineStarted"
TOKEN_SEEN = "FirstToken"  # noqa: S105 - a word, no secret
STEPS = (PLANNED, SCHEDULED, CONTAINER_STARTED, WEIGHTS_FETCHED, WEIGHTS_CHECKED, ENGINE_STARTED, TOKEN_SEEN)
"""In this order. Weights that are there already, with all adapters, are not fetched."""
_NEXT_PHASES = {
    WEIGHTS_FETCHED: Phase.CHECKING_WEIGHTS,
    WEIGHTS_CHECKED: Phase.STARTING_ENGINE,
    ENGINE_STARTED: Phase.WARMING_UP,
    TOKEN_SEEN: Phase.READY,
}
"""A step has succeeded when the pod goes on; its own phase ends also where it fails."""


def startup(observed: Observed, now: str) -> tuple[StartupPhase, ...]:
    """The ledger so far: finished steps in order, then the running one.

    Args:
        observed: The deployment, its stored status and its pods.
        now: RFC 3339 in UTC; used once, for the end of planning.
    """
    if observed.plan is None:
        return ()
    steps = _kept(observed) or (_planned(observed, now),)
    done = [step for step in steps if step.finished_at]
    if observed.failure is not None or done[-1].phase == TOKEN_SEEN:
        return steps
    first = _first_pod(observed)
    ends = _ends(first)
    for name in _following(done[-1].phase, observed):
        started = str(done[-1].finished_at)
        if name not in ends:
            progress = _progress(first, steps[-1].progress) if name == WEIGHTS_FETCHED else None
            return (*done, StartupPhase(phase=name, started_at=started, progress=progress))
        origin = _origin(first) if name == WEIGHTS_FETCHED else None
        finished = _later(ends[name], started)
        done.append(StartupPhase(phase=name, started_at=started, finished_at=finished, weights=origin))
    return tuple(done)


def _following(step: str, observed: Observed) -> list[str]:
    """The steps after one."""
    model = observed.deployment["spec"]["model"]
    sources = (model["source"], *(adapter["source"] for adapter in model.get("adapters", ())))
    is_fetched = any(not source.keys().isdisjoint(FETCHED_KINDS) for source in sources)
    return [name for name in STEPS[STEPS.index(step) + 1 :] if is_fetched or name != WEIGHTS_FETCHED]


def _kept(observed: Observed) -> tuple[StartupPhase, ...]:
    """The stored ledger, if it belongs to the plan in force."""
    stored = observed.previous.get("plan", {}).get("specDigest")
    if observed.plan is None or stored != observed.plan.spec_digest:
        return ()
    try:
        return tuple(StartupPhase.model_validate(step) for step in observed.previous.get("startup", ()))
    except ValidationError:  # written by another version
        return ()


def _planned(observed: Observed, now: str) -> StartupPhase:
    """The time of an apply is known for the first one only: it is the object's creation."""
    metadata = observed.deployment["metadata"]
    started = metadata["creationTimestamp"] if not observed.previous.get("plan") else now
    return StartupPhase(phase=PLANNED, started_at=started, finished_at=_later(now, started))


def _first_pod(observed: Observed) -> PodView | None:
    pods = [view for view in observed.updated if view.is_replica]
    return min(pods, key=lambda view: (view.pod["metadata"]["creationTimestamp"], view.name), default=None)


def _ends(view: PodView | None) -> dict[str, str]:
    """When each step of a pod ended, as far as they have."""
    if view is None:
        return {}
    ends: dict[str, str] = {}
    scheduled = condition(view.pod, "PodScheduled")
    if scheduled.get("status") == "True":
        ends[SCHEDULED] = scheduled["lastTransitionTime"]
    if running := view.container.get("state", {}).get("running"):
        ends[CONTAINER_STARTED] = running["startedAt"]
    if isinstance(view.phase, PhaseReport):
        ends |= {
            step: record.started_at
            for step, phase in _NEXT_PHASES.items()
            if (record := _first(view.phase.history, phase))
        }
    return ends


def _origin(view: PodView | None) -> WeightsOrigin | None:
    return view.phase.weights_origin if view and isinstance(view.phase, PhaseReport) else None


def _progress(view: PodView | None, written: WeightsProgress | None) -> WeightsProgress | None:
    """How far the fetch is: as it is written, as long as it says so, so that a status is not written at every look."""
    found = view.phase.progress if view and isinstance(view.phase, PhaseReport) else None
    if found is None or not found.bytes_total:
        return None
    percent = 100 * found.bytes_done // found.bytes_total
    stalls = found.seconds_left is None
    if written is not None and (written.percent, written.seconds_left is None) == (percent, stalls):
        return written
    return WeightsProgress(
        percent=percent,
        bytes_done=found.bytes_done,
        bytes_total=found.bytes_total,
        bytes_per_second=round(found.bytes_per_second),
        seconds_left=None if found.seconds_left is None else round(found.seconds_left),
    )


def _first(history: tuple[PhaseRecord, ...], phase: Phase) -> PhaseRecord | None:
    return next((record for record in history if record.phase is phase), None)


def _later(time: str, than: str) -> str:
    """Clocks and resolutions differ between nodes: a step never ends before it starts."""
    return time if datetime.fromisoformat(time) >= datetime.fromisoformat(than) else than
