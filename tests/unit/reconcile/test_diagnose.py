from __future__ import annotations

from typing import Any

import pytest

from qwen3_operator.api.status import ConditionType
from qwen3_operator.reconcile.diagnose import Diagnosis, diagnose, worst
from qwen3_operator.reconcile.observed import PodView, Unreachable
from qwen3_runtime.config import Phase, PhaseReport
from qwen3_runtime.sources import FetchProgress
from tests.unit.reconcile.samples import ended, phase, pod, view, waiting

OOM_KILLED = {"reason": "OOMKilled"}
OOM = ended("OOMKilled", 137)
DIED = ended("Error", 1, "EngineDied: SGLang 0.5.9 ended with signal 11 while it served\nline 1\nlast line")
REFUSED = ended("Error", 1, "EngineStartFailed: SGLang ended with code 2: error: unrecognized arguments: --nope\nusage")
OTHER_CARD = ended(
    "Error",
    1,
    "DeviceMismatch: card: found 910B4 (NPU 0 chip 0 and 7 more), wanted 910B3; CANN: found 8.5.0, wanted 9.0.0",
)
DOWN = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
UNBOUND = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient cpu."}]

GATED = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "Scheduling is blocked"}]


def gated(found: dict[str, Any]) -> dict[str, Any]:
    """A pod that Kueue has not admitted."""
    found["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    return found


@pytest.mark.parametrize(
    ("seen", "reason", "words"),
    [
        (view(pod(container=waiting("ErrImagePull"))), "ImagePullFailed", "runtime:cuda"),
        (view(pod(container=waiting("ImagePullBackOff"))), "ImagePullFailed", "imagePullSecrets"),
        (view(pod(container=waiting("InvalidImageName"))), "InvalidImage", "runtime:cuda"),
        (
            view(pod(container=waiting("CreateContainerConfigError", 'secret "s" not found'))),
            "CreateContainerConfigError",
            'secret "s" not found',
        ),
        (
            PodView(pod(container=waiting("ContainerCreating")), mount_failure='path "/models" does not exist'),
            "VolumeMountFailed",
            'path "/models" does not exist',
        ),
        (view(pod(bound=False, conditions=UNBOUND)), "Unschedulable", "3 nodes without enough free cpu"),
        (view(gated(pod(bound=False, conditions=GATED))), "SchedulingGated", "by kueue.x-k8s.io/admission"),
        (view(pod(container=waiting("CrashLoopBackOff", last=OOM))), "OutOfMemory", "the node's memory"),
        (view(pod(container=waiting("CrashLoopBackOff", last=DIED))), "EngineDied", "last line"),
        (view(pod(container=waiting("CrashLoopBackOff", last=DIED | OOM_KILLED))), "EngineDied", "last line"),
        (view(pod(container=waiting("CrashLoopBackOff", last=REFUSED))), "EngineStartFailed", "arguments: --nope"),
        (
            view(pod(container=waiting("CrashLoopBackOff", last=OTHER_CARD))),
            "DeviceMismatch",
            "wanted 910B3; CANN: found",
        ),
        (view(pod(container=waiting("CrashLoopBackOff", last=ended("Error", 3)))), "CrashLoop", "exit code 3"),
        (view(pod(container=waiting("CrashLoopBackOff", last=ended("Error", 137)))), "CrashLoop", "killed"),
        (view(pod(), Unreachable("port 8081: no answer within 2 s")), "ProbeFailing", "no answer within 2 s"),
        (view(pod(phase="Failed", reason="Evicted", message="low on memory")), "Evicted", "low on memory"),
        (view(pod(), node=DOWN), "NodeLost", "node-1"),
        (view(pod(), phase(Phase.STARTING_ENGINE)), "Starting", "StartingEngine"),
        (view(pod()), "Starting", "ContainerRunning"),
        (view(pod(container=waiting("ContainerCreating"))), "Starting", "ContainerCreating"),
        (view(pod(bound=False)), "Starting", "Scheduling"),
    ],
)
def test_each_failure_has_its_reason_and_says_what_to_look_at(seen: PodView, reason: str, words: str) -> None:
    finding = diagnose(seen)
    assert finding is not None
    assert finding.reason == reason
    assert words in finding.message


def test_a_fetch_shows_its_progress_in_whole_percent() -> None:
    done = FetchProgress(bytes_done=3_199_999_999, bytes_total=16_400_000_000, files_done=0, files_total=5)
    report = PhaseReport(phase=Phase.FETCHING_WEIGHTS, message="Fetching Qwen/Qwen3-8B.", progress=done)
    finding = diagnose(view(pod(), report))
    assert finding is not None
    assert finding.message == "pod is starting: FetchingWeights, 19 % of 16.4 GB. Fetching Qwen/Qwen3-8B."


def test_what_a_starting_pod_could_not_check_is_said() -> None:
    report = PhaseReport(phase=Phase.STARTING_ENGINE, warnings=("driver: found unknown, wanted 25.0 or newer",))
    finding = diagnose(view(pod(), report))
    assert finding is not None
    assert finding.message == "pod is starting: StartingEngine; driver: found unknown, wanted 25.0 or newer"
    assert not finding.is_failure


def test_a_pod_that_serves_or_ends_has_no_finding() -> None:
    ending = pod(container=waiting("CrashLoopBackOff", last=OOM))
    ending["metadata"]["deletionTimestamp"] = "2026-11-24T12:00:00Z"
    assert diagnose(view(pod(ready=True))) is None
    assert diagnose(view(ending)) is None


def test_bad_weights_are_a_condition_of_their_own_with_the_runtimes_reason() -> None:
    finding = diagnose(view(pod(), phase(Phase.WEIGHTS_INVALID, "FileMissing", "/models/config.json is missing")))
    assert finding == Diagnosis(
        "WeightsInvalid", "/models/config.json is missing", ConditionType.WEIGHTS_READY, "FileMissing"
    )


def test_a_container_that_runs_again_keeps_the_reason_of_its_last_end() -> None:
    again = {"state": {"running": {"startedAt": "x"}}, "lastState": {"terminated": REFUSED}, "restartCount": 4}
    finding = diagnose(view(pod(container=again), phase(Phase.STARTING_ENGINE)))
    assert finding is not None
    assert finding.reason == "EngineStartFailed"


def test_the_message_is_the_same_after_each_restart() -> None:
    def message(restarts: int) -> str:
        container: dict[str, Any] = {**waiting("CrashLoopBackOff", last=DIED), "restartCount": restarts}
        finding = diagnose(view(pod(container=container)))
        assert finding is not None
        return finding.message

    assert message(1) == message(9)


def test_a_silent_container_that_gets_killed_stays_a_failing_probe() -> None:
    killed = waiting("CrashLoopBackOff", last=ended("Error", 137))
    finding = diagnose(view(pod(container=killed), Unreachable("port 8081: connection refused")))
    assert finding is not None
    assert finding.reason == "ProbeFailing"


def test_failures_are_shown_before_pods_that_start_and_before_those_that_get_replaced() -> None:
    starting, evicted, pull = (Diagnosis(reason, "m") for reason in ("Starting", "Evicted", "ImagePullFailed"))
    assert worst([starting, evicted, pull]) == pull
    assert worst([starting, evicted]) == evicted
    assert worst([]) is None


def test_a_long_message_keeps_its_end() -> None:
    text = "start" + "x" * 5000 + "the error"
    finding = diagnose(view(pod(container=waiting("CreateContainerError", text))))
    assert finding is not None
    assert len(finding.message) < 1100
    assert finding.message.endswith("the error")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("failed to resolve reference: r/x:1: not found", "no such image"),
        ("failed to authorize: unexpected status: 401 Unauthorized", "refuses the credentials"),
        ("dial tcp: lookup registry.invalid: no such host", "name is not known"),
        ("dial tcp 10.0.0.1:443: i/o timeout", "does not answer"),
        ("", "check its name and tag"),
    ],
)
def test_a_failed_pull_names_its_cause_and_keeps_to_it_while_backing_off(said: str, cause: str) -> None:
    first = diagnose(view(pod(container=waiting("ErrImagePull", said))))
    later = diagnose(view(pod(container=waiting("ImagePullBackOff", f'Back-off pulling image "x": {said}'))))
    assert first is not None
    assert cause in first.message
    assert first == later


def test_a_mount_error_of_before_says_nothing_of_a_container_that_runs() -> None:
    report = phase(Phase.WEIGHTS_INVALID, "FileMissing", "/models is empty")
    finding = diagnose(PodView(pod(), report, mount_failure='path "/models" does not exist'))
    assert finding is not None
    assert finding.reason == "WeightsInvalid"
