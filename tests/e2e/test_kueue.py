"""Replicas that wait for a quota: the real Kueue, on KWOK nodes that stand for H100 servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.kind import pools
from tests.kind.controllers import KUEUE
from tests.kube import KubectlError, poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube, Object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

NAME, QUEUE, FLAVOR, GPU = "chat", "team-a", "qwen3-test", "nvidia.com/gpu"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
SETTLED_SECONDS = 10
"""Two who correct each other do so within one."""
DEVICES = 2
"""Of one replica, as test_pools shows."""
SPEC: dict[str, Any] = {
    "model": {"name": "Qwen3-32B", "contextLength": 32768},
    "engine": {"image": "example.invalid/engine:1"},
    "hardware": {"accelerators": ["H100-SXM"]},
    "workload": {"concurrency": 1},
    "scheduling": {"queueName": QUEUE},
}


@pytest.fixture(scope="module")
def with_kueue(kube: Kube) -> Iterator[Kube]:
    """The cluster with Kueue and sixteen devices: more than any queue here gives."""
    nodes = pools.nvidia_h100(2)
    pools.apply(kube.command, nodes)
    KUEUE.install(kube)
    yield kube
    KUEUE.uninstall(kube)
    pools.remove(kube.command, nodes)


@pytest.fixture
def quota(with_kueue: Kube, namespace: str) -> Iterator[str]:
    """A ClusterQueue with the devices of one replica, called as the namespace of its LocalQueue."""
    kube = with_kueue
    # A pod that is ready may be reached only seconds later.
    poll("Kueue's webhooks answer", lambda: _accepted(kube, _object("ResourceFlavor", FLAVOR)), timeout=60)
    kube.apply(_quota(namespace, DEVICES))
    kube.apply(_object("LocalQueue", QUEUE, namespace, clusterQueue=namespace))
    yield namespace
    kube.run("delete", "q3d", "--all", "-n", namespace, timeout=120)
    poll("pods gone", lambda: not kube.list("pods", namespace), timeout=60)
    kube.run("delete", "localqueue", QUEUE, "-n", namespace, timeout=60)
    kube.run("delete", "clusterqueue", namespace, timeout=60)
    kube.run("delete", "resourceflavor", FLAVOR, timeout=60)


def _accepted(kube: Kube, flavor: Object) -> bool:
    try:
        kube.apply(flavor)
    except KubectlError as error:
        if "failed calling webhook" not in str(error):
            raise
        return False
    return True


def _object(kind: str, name: str, namespace: str | None = None, **spec: Any) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": metadata, "spec": spec}


def _quota(name: str, devices: int) -> Object:
    given = {"cpu": "1000", "memory": "10Ti", "ephemeral-storage": "10Ti", GPU: str(devices)}
    resources = [{"name": resource, "nominalQuota": quantity} for resource, quantity in given.items()]
    group = {"coveredResources": list(given), "flavors": [{"name": FLAVOR, "resources": resources}]}
    return _object("ClusterQueue", name, namespaceSelector={}, resourceGroups=[group])


def _replicas(kube: Kube, namespace: str) -> tuple[int, int]:
    status = kube.get("q3d", NAME, namespace)["status"]
    return status.get("readyReplicas", 0), status["replicas"]


def test_a_replica_waits_until_the_queue_has_its_devices(kube: Kube, quota: str) -> None:
    kube.apply(deployment(NAME, quota, **SPEC, replicas=2))
    held = kube.wait_condition(NAME, quota, "Scheduled", "False", reason="SchedulingGated", timeout=120)
    assert "kueue.x-k8s.io/admission" in held["message"]
    poll("one replica serves", lambda: _replicas(kube, quota) == (1, 2), timeout=60)
    kube.apply(_quota(quota, 2 * DEVICES))
    kube.wait_condition(NAME, quota, "Ready", "True", timeout=120)
    assert _replicas(kube, quota) == (2, 2)
    (workload,) = kube.list("deployments", quota)
    assert workload["spec"]["template"]["metadata"]["labels"][QUEUE_LABEL] == QUEUE, "Kueue's own writing"
    time.sleep(SETTLED_SECONDS)
    (later,) = kube.list("deployments", quota)
    assert later["metadata"]["generation"] == workload["metadata"]["generation"], "operator and Kueue write in turns"


def test_another_queue_is_refused_for_pods_that_run(kube: Kube, quota: str) -> None:
    kube.apply(deployment(NAME, quota, **SPEC))
    kube.wait_condition(NAME, quota, "Ready", "True", timeout=120)
    kube.apply(_object("LocalQueue", "team-b", quota, clusterQueue=quota))
    kube.patch("q3d", NAME, quota, {"spec": {"scheduling": {"queueName": "team-b"}}})
    refused = kube.wait_condition(NAME, quota, "Ready", "False", reason="ApplyRefused", timeout=60)
    assert "queue-name" in refused["message"]
    kube.patch("q3d", NAME, quota, {"spec": {"scheduling": {"queueName": QUEUE}}})
    kube.wait_condition(NAME, quota, "Ready", "True", timeout=60)


def test_an_update_waits_for_one_replica_more(kube: Kube, quota: str) -> None:
    kube.apply(deployment(NAME, quota, **SPEC))
    kube.wait_condition(NAME, quota, "Ready", "True", timeout=120)
    (before,) = kube.list("pods", quota)
    kube.patch("q3d", NAME, quota, {"spec": {"model": {"contextLength": 16384}}})
    kube.wait_condition(NAME, quota, "Scheduled", "False", reason="SchedulingGated", timeout=120)
    serving = kube.get("pod", before["metadata"]["name"], quota)
    assert serving["status"]["phase"] == "Running", "the old replica serves until the new one may start"
    kube.apply(_quota(quota, 2 * DEVICES))
    poll("the old pod gone", lambda: kube.find("pod", before["metadata"]["name"], quota) is None, timeout=120)
    kube.wait_condition(NAME, quota, "Ready", "True", timeout=60)
