"""Replicas over several nodes: the real LeaderWorkerSet controller, on KWOK nodes that stand for H100 servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.kind import pools
from tests.kind.controllers import LEADER_WORKER_SET
from tests.kube import poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

NAME, OPERATOR = "coder", "qwen3-system"
LABEL = f"serving.qwen3.io/deployment={NAME}"
INDEX = "leaderworkerset.sigs.k8s.io/worker-index"
# 960 GB of weights: more than the eight 80 GB of one server.
SPEC: dict[str, Any] = {
    "model": {"name": "Qwen3-Coder-480B-A35B-Instruct", "quantization": "BF16", "contextLength": 32768},
    "engine": {"image": "example.invalid/engine:1"},
    "hardware": {"accelerators": ["H100-SXM"]},
    "workload": {"concurrency": 1},
}


@pytest.fixture
def servers(kube: Kube) -> Iterator[None]:
    """Room for two replicas of two servers each, and for one more while they roll."""
    nodes = pools.nvidia_h100(6)
    pools.apply(kube.command, nodes)
    yield
    pools.remove(kube.command, nodes)


@pytest.fixture(scope="module")
def install_controller(kube: Kube) -> Iterator[Callable[[], None]]:
    """Installs the controller when it is called; it and the operator's interest in it are gone at the module's end."""
    yield lambda: LEADER_WORKER_SET.install(kube)
    before = _operator_restarts(kube)
    LEADER_WORKER_SET.uninstall(kube)
    poll("operator without groups", lambda: _operator_restarts(kube) > before, timeout=120)
    kube.run("-n", OPERATOR, "rollout", "status", "deployment/qwen3-operator", "--timeout=120s", timeout=130)


def _operator_restarts(kube: Kube) -> int:
    pods = kube.list("pods", OPERATOR, "app.kubernetes.io/component=operator")
    return sum(status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"])


def _pods(kube: Kube, namespace: str) -> dict[str, list[dict[str, Any]]]:
    """Leaders and workers that are not ending."""
    found: dict[str, list[dict[str, Any]]] = {"leaders": [], "workers": []}
    for pod in kube.list("pods", namespace, LABEL):
        if "deletionTimestamp" not in pod["metadata"]:
            found["leaders" if pod["metadata"]["labels"][INDEX] == "0" else "workers"].append(pod)
    return found


def _ready_leaders(kube: Kube, namespace: str) -> int:
    return sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))
        for pod in _pods(kube, namespace)["leaders"]
    )


def _ids(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


@pytest.mark.usefixtures("servers")
def test_a_group_is_planned_as_soon_as_its_controller_is_there(
    kube: Kube, namespace: str, install_controller: Callable[[], None]
) -> None:
    kube.apply(deployment(NAME, namespace, **SPEC))
    refused = kube.wait_condition(NAME, namespace, "Planned", "False", reason="NoFit", timeout=30)
    assert "LeaderWorkerSet controller" in refused["message"]
    install_controller()
    # The operator starts itself again where a kind that it watches has come; nobody restarts it.
    kube.wait_condition(NAME, namespace, "Ready", "True", timeout=120)
    placement = kube.get("q3d", NAME, namespace)["status"]["plan"]["placements"][0]
    assert (placement["nodes"], placement["devicesPerReplica"], placement["tensorParallel"]) == (2, 16, 16)
    pods = _pods(kube, namespace)
    assert [len(pods[role]) for role in ("leaders", "workers")] == [1, 1]
    nodes = {pod["spec"]["nodeName"] for members in pods.values() for pod in members}
    assert len(nodes) == 2
    kube.run("delete", "q3d", NAME, "-n", namespace)
    poll("group gone", lambda: not kube.list("leaderworkersets", namespace), timeout=60)
    poll("its pods gone", lambda: not kube.list("pods", namespace, LABEL), timeout=60)


@pytest.mark.usefixtures("servers")
def test_a_group_lives_and_rolls_as_one_replica(
    kube: Kube, namespace: str, install_controller: Callable[[], None]
) -> None:
    install_controller()
    kube.apply(deployment(NAME, namespace, **SPEC, replicas=2))
    kube.wait_condition(NAME, namespace, "Ready", "True", timeout=120)
    shown = kube.get("q3d", NAME, namespace)["status"]
    assert (shown["replicas"], shown["readyReplicas"]) == (2, 2)
    leaders = {pod["status"]["podIP"] for pod in _pods(kube, namespace)["leaders"]}
    assert _addresses(kube, namespace) == leaders

    _lose_one_worker(kube, namespace)
    kube.wait_condition(NAME, namespace, "Ready", "True", timeout=120)

    before = _pods(kube, namespace)
    kube.patch("q3d", NAME, namespace, {"spec": {"model": {"contextLength": 16384}}})
    least = 2
    deadline = time.monotonic() + 150
    while _ids(_pods(kube, namespace)["leaders"]) & _ids(before["leaders"]):
        assert time.monotonic() < deadline, "the groups do not roll"
        least = min(least, _ready_leaders(kube, namespace))
    assert least == 2, "a roll with room for one more group keeps both replicas"
    kube.wait_condition(NAME, namespace, "Ready", "True", timeout=120)
    # Those of a leader that is gone are the garbage collector's, which takes its time.
    old = _ids(before["workers"])
    poll("workers of the old groups gone", lambda: not _ids(_pods(kube, namespace)["workers"]) & old, timeout=60)


def _addresses(kube: Kube, namespace: str) -> set[str]:
    """Where the Service sends requests: ports of the slices that are named count."""
    slices = kube.list("endpointslices", namespace, f"kubernetes.io/service-name={NAME}")
    return {
        address
        for found in slices
        if found.get("ports")
        for endpoint in found["endpoints"]
        for address in endpoint["addresses"]
    }


def _lose_one_worker(kube: Kube, namespace: str) -> None:
    """The whole group of a lost worker is made anew, and no other."""
    before = _pods(kube, namespace)
    victim = before["workers"][0]
    kube.run("delete", "pod", victim["metadata"]["name"], "-n", namespace, "--wait=false")
    group = "leaderworkerset.sigs.k8s.io/group-index"
    lost = victim["metadata"]["labels"][group]

    def renewed() -> bool:
        leaders = _pods(kube, namespace)["leaders"]
        return _ready_leaders(kube, namespace) == 2 and len(_ids(leaders) - _ids(before["leaders"])) == 1

    poll("the group made anew", renewed, timeout=90)
    kept = [pod for pod in before["leaders"] if pod["metadata"]["labels"][group] != lost]
    assert _ids(kept) <= _ids(_pods(kube, namespace)["leaders"])
