from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.api.status import ConditionStatus, ConditionType, DeploymentStatus, Prefetch
from qwen3_operator.manifests.groups import INDEX_LABEL
from qwen3_operator.manifests.render import render
from qwen3_operator.reconcile.conditions import transitions
from qwen3_operator.reconcile.observed import Failure, Unreachable, Verdict
from qwen3_operator.reconcile.report import report, stored
from qwen3_runtime.config import Phase
from qwen3_runtime.sources import FetchProgress
from tests.unit.manifests.samples import cpu_placement, deployment, placement, plan, settings
from tests.unit.reconcile.samples import CATALOG, NOW, ended, observed, phase, pod, view, waiting, workloads

if TYPE_CHECKING:
    from qwen3_operator.reconcile.observed import Observed

LATER = "2026-11-24T13:00:00Z"
CLAIM, PATH = {"claimName": "weights"}, "spec.model.source.persistentVolumeClaim.path"


def condition(status: DeploymentStatus, kind: ConditionType) -> tuple[str, str]:
    found = next(entry for entry in status.conditions if entry.type == kind)
    return found.status.value, found.reason


def message(status: DeploymentStatus) -> str:
    return next(entry.message for entry in status.conditions if entry.type == ConditionType.READY)


def serving() -> Observed:
    return observed(view(pod("a", ready=True)), view(pod("b", ready=True)))


def old_pod(name: str) -> dict[str, Any]:
    return pod(name, ready=True, workload=workloads({"drainTimeoutSeconds": 1})[0])


def test_an_offer_is_told_only_where_tenants_are_let_in() -> None:
    offered = Verdict(ConditionStatus.FALSE, "ServedNameTaken", "another has the name")
    assert "Offered" not in {entry.type for entry in report(replace(serving(), offered=offered), NOW).conditions}
    consenting = replace(serving(), deployment=deployment({"tenants": {"allowed": {"all": True}}}), offered=offered)
    told = report(consenting, NOW)
    assert condition(told, ConditionType.OFFERED) == ("False", "ServedNameTaken")
    assert condition(told, ConditionType.READY) == ("True", "Serving")
    unseen = replace(consenting, offered=None, previous=stored(told))
    assert stored(report(unseen, LATER)) == stored(told), "after a restart nothing is written before a look"


def test_all_updated_replicas_serve() -> None:
    status = report(serving(), NOW)
    apart = {
        ConditionType.PLAN_OUTDATED,
        ConditionType.OFFERED,
        ConditionType.AUTOSCALING,
        ConditionType.ADAPTERS_SERVED,
    }
    positive = set(ConditionType) - apart
    assert {condition(status, kind)[0] for kind in positive} == {"True"}
    assert condition(status, ConditionType.PLAN_OUTDATED) == ("False", "Current")
    assert (status.replicas, status.ready_replicas, status.updated_replicas, status.ready) == (2, 2, 2, "2/2")
    assert status.url == "http://chat.team-a.svc/v1"
    assert status.selector == "serving.qwen3.io/deployment=chat"
    assert (status.accelerator, status.quantization, status.tensor_parallel) == ("H100-SXM", "BF16", 2)


def test_nodes_that_have_the_model_are_counted() -> None:
    assert report(serving(), NOW).prefetch is None
    found = [
        {
            "metadata": {"generation": 2},
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 4, "numberReady": 4},
        },
        {
            "metadata": {"generation": 2},
            "status": {
                "observedGeneration": 2,
                "desiredNumberScheduled": 3,
                "numberReady": 3,
                "updatedNumberScheduled": 2,
            },
        },
        {"metadata": {"generation": 1}},
    ]
    status = report(replace(serving(), prefetchers=tuple(found)), NOW)
    assert status.prefetch == Prefetch(nodes=7, ready=2), "only of the newest template"
    assert status.replicas == report(serving(), NOW).replicas


def test_workers_of_a_group_are_no_replicas() -> None:
    groups = plan(placement(nodes=2, devices_per_replica=4, replicas=1))
    (workload,) = [c for c in render(deployment(), groups, settings(), CATALOG) if c["kind"] == "LeaderWorkerSet"]
    template = workload["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    pods = []
    for rank in ("0", "1"):
        made = pod(f"chat-0-{rank}", ready=True, workload={"spec": {"template": template}})
        made["metadata"]["labels"] = {**made["metadata"]["labels"], INDEX_LABEL: rank}
        pods.append(view(made))
    seen = {"plan": groups, "desired": (workload,), "workloads": (workload,)}
    status = report(observed(*pods, **seen), NOW)
    assert (status.replicas, status.ready_replicas, status.updated_replicas, status.ready) == (1, 1, 1, "1/2")
    assert condition(status, ConditionType.SCHEDULED) == ("True", "Scheduled")
    assert status.selector.endswith(",leaderworkerset.sigs.k8s.io/worker-index notin (1)")
    alone = report(observed(pods[1], **seen), NOW)
    assert condition(alone, ConditionType.READY)[0] == "False"
    assert condition(alone, ConditionType.SCHEDULED)[0] == "Unknown", "one of two pods has a node"


def test_the_board_shows_the_model_that_was_chosen() -> None:
    auto = deployment({"model": {"name": "Auto"}})
    assert report(observed(deployment=auto), NOW).model == plan().model
    assert report(observed(deployment=auto, plan=None, failure=Failure("NoFit", "0 free")), NOW).model == "Auto"


def test_what_was_said_of_a_plan_stays_until_somebody_looks_again() -> None:
    told = Verdict(ConditionStatus.TRUE, "BetterPlan", "1 device instead of 2 devices")
    first = report(replace(serving(), outdated=told), NOW)
    assert condition(first, ConditionType.PLAN_OUTDATED) == ("True", "BetterPlan")
    assert condition(first, ConditionType.READY) == ("True", "Serving")
    restarted = report(replace(serving(), previous=first.to_json()), LATER)
    assert restarted == first
    replanned = replace(serving(), plan=plan(cpu_placement(), summary="another"), previous=first.to_json())
    assert condition(report(replanned, LATER), ConditionType.PLAN_OUTDATED) == ("False", "Current")


def test_without_a_plan_nothing_is_outdated() -> None:
    failed = observed(plan=None, failure=Failure("NoFit", "needs 91.2 GB"))
    assert ConditionType.PLAN_OUTDATED not in {entry.type for entry in report(failed, NOW).conditions}


def test_a_better_plan_is_news_and_no_warning() -> None:
    before = report(serving(), NOW)
    told = Verdict(ConditionStatus.TRUE, "BetterPlan", "1 device instead of 2 devices")
    after = report(replace(serving(), outdated=told, previous=before.to_json()), LATER)
    assert transitions(before.to_json()["conditions"], after.conditions) == (
        ("Normal", "PlanOutdated", "1 device instead of 2 devices"),
    )
    assert transitions(after.to_json()["conditions"], before.conditions) == ()


def test_capacity_starts_with_the_table_and_a_wish_is_written_down() -> None:
    status = report(replace(serving(), replanned="7"), NOW)
    assert [(entry.pool, entry.source) for entry in status.capacity] == [("h100", "Table")]
    assert status.replanned == "7"


def test_every_condition_carries_the_generation() -> None:
    status = report(replace(serving(), deployment=deployment(generation=42)), NOW)
    assert status.observed_generation == 42
    assert {entry.observed_generation for entry in status.conditions} == {42}


def test_nothing_moves_with_the_clock() -> None:
    first = report(serving(), NOW)
    again = report(replace(serving(), previous=first.to_json()), LATER)
    assert again == first


def test_a_transition_time_moves_with_the_status_and_not_with_the_reason() -> None:
    starting = report(observed(view(pod(), phase(Phase.CHECKING_WEIGHTS))), NOW)
    failing = report(observed(view(pod(container=waiting("ErrImagePull"))), previous=starting.to_json()), LATER)
    ready = report(replace(serving(), previous=failing.to_json()), LATER)
    times = [
        next(entry.last_transition_time for entry in status.conditions if entry.type == ConditionType.READY)
        for status in (starting, failing, ready)
    ]
    assert times == [NOW, NOW, LATER]
    assert condition(failing, ConditionType.READY) == ("False", "ImagePullFailed")


def test_no_fit_leaves_the_old_replicas_serving_and_says_so() -> None:
    failed = Failure("NoFit", "needs 8 devices, has 2.")
    status = report(observed(view(old_pod("a")), failure=failed, desired=()), NOW)
    assert condition(status, ConditionType.PLANNED) == ("False", "NoFit")
    assert condition(status, ConditionType.READY) == ("False", "NoFit")
    assert message(status) == "needs 8 devices, has 2; 1 replica keeps serving"
    assert (status.ready, status.ready_replicas) == ("1/2", 1), "of the replicas of the plan in force"
    assert status.plan is not None


def test_one_bad_pod_of_a_roll_is_named_while_the_old_ones_serve() -> None:
    bad = pod("new", container=waiting("ImagePullBackOff"))
    status = report(observed(view(old_pod("a")), view(old_pod("b")), view(bad)), NOW)
    assert condition(status, ConditionType.READY) == ("False", "ImagePullFailed")
    assert message(status).endswith("2 replicas keep serving")
    assert (status.ready, status.ready_replicas, status.updated_replicas) == ("2/2", 2, 1), "nobody is without answers"


def test_a_healthy_roll_is_no_alarm() -> None:
    status = report(observed(view(old_pod("a")), view(old_pod("b")), view(pod("new"))), NOW)
    assert condition(status, ConditionType.READY) == ("False", "Rolling")


def test_an_unschedulable_pod_makes_scheduled_false() -> None:
    unbound = [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}]
    status = report(observed(view(pod(bound=False, conditions=unbound))), NOW)
    assert condition(status, ConditionType.SCHEDULED) == ("False", "Unschedulable")
    assert condition(status, ConditionType.READY) == ("False", "Unschedulable")
    assert condition(status, ConditionType.WEIGHTS_READY) == ("Unknown", "NotChecked")


def test_bad_weights_make_weights_ready_false() -> None:
    bad = phase(Phase.WEIGHTS_INVALID, "ConfigMismatch", "/models/config.json: hidden_size is 1024, expected 4096")
    status = report(observed(view(pod(), bad)), NOW)
    assert condition(status, ConditionType.WEIGHTS_READY) == ("False", "ConfigMismatch")
    assert condition(status, ConditionType.READY) == ("False", "WeightsInvalid")
    assert condition(status, ConditionType.SCHEDULED)[0] == "Unknown"


@pytest.mark.parametrize(
    ("source", "reason", "told"),
    [
        (CLAIM | {"path": "no"}, "FolderMissing", f"{PATH} is 'no': claim weights has no such folder: SAID"),
        (CLAIM, "FolderEmpty", f"{PATH} is not set: nothing lies there on claim weights: SAID"),
        (
            CLAIM | {"path": "a"},
            "ConfigMismatch",
            f"these are not the weights of Qwen3-8B: SAID Correct spec.model.name or {PATH} ('a').",
        ),
        (
            CLAIM,
            "QuantizationMismatch",
            f"SAID Set spec.model.quantization to what lies there, or {PATH} to a folder of that format.",
        ),
        (
            CLAIM,
            "IndexIncomplete",
            "the weights of Qwen3-8B on claim weights are not whole: SAID Copy what is missing or cut anew.",
        ),
        (CLAIM, "Unreadable", "SAID"),
    ],
)
def test_bad_weights_name_the_field_and_what_to_do(source: dict[str, str], reason: str, told: str) -> None:
    asked = deployment({"model": {"source": {"persistentVolumeClaim": source}}})
    bad = view(pod(), phase(Phase.WEIGHTS_INVALID, reason, "what the runtime found."))
    status = report(observed(bad, deployment=asked), NOW)
    assert message(status) == told.replace("SAID", "what the runtime found.")
    weights = next(entry for entry in status.conditions if entry.type == ConditionType.WEIGHTS_READY)
    assert (weights.reason, weights.message) == (reason, message(status))


def test_a_further_try_of_a_source_that_does_not_answer_writes_nothing() -> None:
    fetched = deployment({"model": {"source": {"huggingFace": {}}}})

    def tried(retries: int, previous: dict[str, Any]) -> dict[str, Any]:
        come = FetchProgress(bytes_done=1, bytes_total=100, files_done=0, files_total=2, retries=retries)
        said = phase(Phase.WEIGHTS_INVALID, "SourceUnavailable", "it cannot be reached.")
        seen = view(pod(), said.model_copy(update={"progress": come}))
        return stored(report(observed(seen, deployment=fetched, previous=previous), LATER if previous else NOW))

    before = tried(2, {})
    weights = next(entry for entry in before["conditions"] if entry["type"] == ConditionType.WEIGHTS_READY)
    assert (weights["status"], weights["reason"]) == ("False", "SourceUnavailable")
    assert tried(3, before) == before


def test_what_an_adapter_lacks_is_not_said_of_the_model() -> None:
    bad = view(pod(), phase(Phase.WEIGHTS_INVALID, "FolderMissing", "adapter a: /adapters/1/no is not a folder."))
    assert message(report(observed(bad), NOW)) == "adapter a: /adapters/1/no is not a folder."


def test_weights_in_an_image_have_its_field_and_fetched_ones_none() -> None:
    missing = view(pod(), phase(Phase.WEIGHTS_INVALID, "FolderMissing", "/models/a is not a folder."))
    image = deployment({"model": {"source": {"image": {"reference": "r/m:1", "path": "a"}}}})
    assert message(report(observed(missing, deployment=image), NOW)) == (
        "spec.model.source.image.path is 'a': image r/m:1 has no such folder: /models/a is not a folder."
    )
    fetched = deployment({"model": {"source": {"huggingFace": {}}}})
    assert message(report(observed(missing, deployment=fetched), NOW)) == "/models/a is not a folder."


def test_an_engine_that_fails_had_its_weights() -> None:
    failed = ended("Error", 1, "EngineStartFailed: it says: no")
    status = report(observed(view(pod(container=waiting("CrashLoopBackOff", last=failed)))), NOW)
    assert condition(status, ConditionType.WEIGHTS_READY) == ("True", "Complete")
    assert condition(status, ConditionType.READY) == ("False", "EngineStartFailed")


def test_zero_replicas_are_neither_ready_nor_wrong() -> None:
    none = plan(cpu_placement(replicas=0))
    status = report(
        observed(deployment=deployment({"replicas": 0}), plan=none, desired=workloads({"replicas": 0}, none)), NOW
    )
    assert condition(status, ConditionType.READY) == ("False", "ScaledToZero")
    assert status.ready == "0/0"
    assert transitions((), status.conditions) == transitions((), status.conditions[:1])


def test_a_refused_manifest_and_refused_pods_are_named() -> None:
    refused = report(observed(apply_failure=Failure("ApplyRefused", "Deployment x is invalid")), NOW)
    quota = {
        **workloads()[0],
        "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]},
    }
    stopped = report(observed(workloads=(quota,)), NOW)
    assert condition(refused, ConditionType.READY) == ("False", "ApplyRefused")
    assert condition(stopped, ConditionType.READY) == ("False", "PodsRefused")
    assert "exceeded quota" in message(stopped)


def test_events_are_made_of_transitions_only() -> None:
    starting = report(observed(view(pod(), phase(Phase.CHECKING_WEIGHTS))), NOW)
    ready = report(replace(serving(), previous=starting.to_json()), NOW)
    silent = report(observed(view(pod("a", ready=True)), view(pod("b"), Unreachable("x"))), NOW)
    assert [event.reason for event in transitions((), starting.conditions)] == ["Planned"]
    before = starting.to_json()["conditions"]
    assert [event.reason for event in transitions(before, ready.conditions)] == ["Scheduled", "WeightsReady", "Ready"]
    assert transitions(ready.to_json()["conditions"], ready.conditions) == ()
    fallen = transitions(ready.to_json()["conditions"], silent.conditions)
    assert [(event.type, event.reason) for event in fallen] == [("Warning", "ProbeFailing")]


def test_one_cause_makes_one_warning() -> None:
    unbound = [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}]
    status = report(observed(view(pod(bound=False, conditions=unbound))), NOW)
    warnings = [event for event in transitions((), status.conditions) if event.type == "Warning"]
    assert [event.reason for event in warnings] == ["Unschedulable"]


def test_statuses_are_of_the_api() -> None:
    assert {entry.status for entry in report(serving(), NOW).conditions} <= set(ConditionStatus)


def test_no_empty_map_is_applied_and_nothing_else_is_lost() -> None:
    status = report(serving(), NOW)
    written = stored(status)
    assert "rejectedCounts" not in written["plan"]
    assert "values" not in written["plan"]["placements"][0]["nodeRequirements"][0]
    assert DeploymentStatus.model_validate(written) == status
