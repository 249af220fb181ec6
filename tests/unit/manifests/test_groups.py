"""Replicas over several nodes become LeaderWorkerSets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest

from qwen3_operator.catalog import load_catalog
from qwen3_operator.manifests import groups
from qwen3_operator.manifests.render import render
from qwen3_runtime.config import RuntimeConfig
from tests.unit.manifests.samples import deployment, placement, plan, settings

if TYPE_CHECKING:
    from qwen3_operator.api.status import Placement

CATALOG = load_catalog()
VALIDATED = "1.35"


def wide(**changes: Any) -> Placement:
    return placement(nodes=2, devices_per_replica=16, tensor_parallel=16, **changes)


def children(*placements: Placement) -> dict[str, dict[str, Any]]:
    return {child["kind"]: child for child in render(deployment(), plan(*placements), settings(), CATALOG)}


def group(*placements: Placement) -> dict[str, Any]:
    found: dict[str, Any] = children(*(placements or (wide(),)))["LeaderWorkerSet"]
    return found


@pytest.fixture
def members() -> list[dict[str, Any]]:
    """Templates of the leader and of the worker."""
    both = group()["spec"]["leaderWorkerTemplate"]
    return [both["leaderTemplate"], both["workerTemplate"]]


def test_a_replica_is_a_group_that_lives_and_dies_together() -> None:
    found = group()
    assert found["apiVersion"] == "leaderworkerset.x-k8s.io/v1"
    assert found["spec"]["replicas"] == 2
    assert found["spec"]["leaderWorkerTemplate"]["size"] == 2
    assert found["spec"]["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"
    assert found["metadata"]["ownerReferences"][0]["controller"] is True


@pytest.mark.parametrize(("surge", "expected"), [(True, (0, 1)), (False, (1, 0))])
def test_a_roll_keeps_capacity_where_there_is_room(*, surge: bool, expected: tuple[int, int]) -> None:
    update = group(wide(surge=surge))["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]
    assert (update["maxUnavailable"], update["maxSurge"]) == expected


def test_each_pod_asks_for_its_part_of_the_devices(members: list[dict[str, Any]]) -> None:
    for member in members:
        assert member["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "8"}


def test_pods_are_valid_kubernetes(members: list[dict[str, Any]]) -> None:
    for member in members:
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": {**member["metadata"], "name": "a"}}
        kubernetes_validate.validate({**made, "spec": member["spec"]}, VALIDATED, strict=True)


def test_only_the_leader_is_behind_the_service(members: list[dict[str, Any]]) -> None:
    target = children(wide())["Service"]["spec"]["ports"][0]["targetPort"]
    ports = [[port["name"] for port in member["spec"]["containers"][0]["ports"]] for member in members]
    assert [target in names for names in ports] == [True, False]
    assert all("management" in names for names in ports)


def test_members_know_the_group_and_their_place(members: list[dict[str, Any]]) -> None:
    for member in members:
        environment = {entry["name"]: entry for entry in member["spec"]["containers"][0]["env"]}
        config = RuntimeConfig.model_validate_json(environment["QWEN3_RUNTIME_CONFIG"]["value"])
        assert config.group is not None
        assert (config.group.nodes, config.parallelism.tensor_parallel) == (2, 16)
        rank = environment["QWEN3_GROUP_RANK"]["valueFrom"]["fieldRef"]["fieldPath"]
        assert rank == "metadata.labels['leaderworkerset.sigs.k8s.io/worker-index']"
        assert environment["QWEN3_GROUP_LEADER"]["value"] == "$(LWS_LEADER_ADDRESS)"


def test_members_reach_each_other_on_all_ports() -> None:
    among = {"from": [{"podSelector": {"matchLabels": {"serving.qwen3.io/deployment": "chat"}}}]}
    assert among in children(wide())["NetworkPolicy"]["spec"]["ingress"]
    assert among not in children(placement())["NetworkPolicy"]["spec"]["ingress"]


def test_names_leave_room_for_what_the_controller_appends() -> None:
    name = group(wide(pool="a-pool-with-a-very-long-name-that-somebody-wrote-down"))["metadata"]["name"]
    assert len(name) <= groups.LONGEST_NAME


def test_pods_and_template_of_both_workloads() -> None:
    both = children(placement(pool="small"), wide())
    assert [groups.pods_of(both[kind]) for kind in ("Deployment", "LeaderWorkerSet")] == [2, 4]
    assert all(groups.template_of(both[kind])["spec"]["containers"] for kind in ("Deployment", "LeaderWorkerSet"))


def test_a_selector_that_counts_replicas_leaves_workers_out() -> None:
    assert groups.without_workers("a=b", 1) == "a=b"
    assert groups.without_workers("a=b", 3) == "a=b,leaderworkerset.sigs.k8s.io/worker-index notin (1,2)"
