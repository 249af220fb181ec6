"""Where models land: KWOK nodes stand for pools of GPUs and NPUs; the scheduler and the API server are real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kind import pools
from tests.kube import poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture
def h100(kube: Kube) -> Iterator[None]:
    yield from _with_nodes(kube, pools.nvidia_h100(2))


@pytest.fixture
def ascend_official(kube: Kube) -> Iterator[None]:
    yield from _with_nodes(kube, pools.ascend_910b3())


@pytest.fixture
def ascend_hami(kube: Kube) -> Iterator[None]:
    yield from _with_nodes(kube, pools.ascend_910b3_hami())


def _with_nodes(kube: Kube, nodes: list[dict[str, Any]]) -> Iterator[None]:
    pools.apply(kube.command, nodes)
    yield
    pools.remove(kube.command, nodes)


@pytest.mark.usefixtures("h100")
def test_32b_lands_on_h100(kube: Kube, namespace: str) -> None:
    placement, pod = _place(kube, namespace, "Qwen3-32B", accelerators=["H100-SXM"])
    assert placement["accelerator"] == "H100-SXM"
    assert placement["tensorParallel"] == placement["devicesPerReplica"] == 2
    assert _devices(pod) == {"nvidia.com/gpu": "2"}


@pytest.mark.usefixtures("ascend_official")
def test_32b_asks_ascend_under_the_official_name(kube: Kube, namespace: str) -> None:
    placement, pod = _place(kube, namespace, "Qwen3-32B", accelerators=["Ascend-910B3"])
    assert placement["resourceName"] == "huawei.com/Ascend910"
    count = str(placement["devicesPerReplica"])
    assert int(count) >= 2
    assert _devices(pod) == {"huawei.com/Ascend910": count}


@pytest.mark.usefixtures("ascend_hami")
def test_32b_asks_ascend_under_the_other_plugins_name(kube: Kube, namespace: str) -> None:
    placement, pod = _place(kube, namespace, "Qwen3-32B", accelerators=["Ascend-910B3"])
    assert placement["resourceName"] == "huawei.com/Ascend910B3"
    assert _devices(pod).keys() == {"huawei.com/Ascend910B3"}


@pytest.mark.usefixtures("h100")
def test_two_deployments_do_not_take_the_same_devices(kube: Kube, namespace: str) -> None:
    # Two nodes of eight devices hold eight replicas of two.
    image = {"image": "example.invalid/engine:1"}
    big = {"name": "Qwen3-32B", "contextLength": 32768}
    where, one = {"accelerators": ["H100-SXM"]}, {"concurrency": 1}
    kube.apply(deployment("first", namespace, model=big, engine=image, hardware=where, replicas=7, workload=one))
    kube.apply(deployment("second", namespace, model=big, engine=image, hardware=where, replicas=1, workload=one))
    for name in ("first", "second"):
        kube.wait_condition(name, namespace, "Scheduled", "True", timeout=60)
    kube.apply(deployment("third", namespace, model=big, engine=image, hardware=where, workload=one))
    full = kube.wait_condition("third", namespace, "Planned", "False", reason="NoFit", timeout=60)
    assert "0 " in full["message"]
    kube.run("delete", "q3d", "second", "-n", namespace)
    kube.wait_condition("third", namespace, "Planned", "True", timeout=60)


@pytest.mark.usefixtures("h100")
def test_a_quota_of_the_namespace_counts_and_a_raised_one_lets_in(kube: Kube, namespace: str) -> None:
    # A replica takes two devices. The real quota controller and its admission plugin count.
    image, big = {"image": "example.invalid/engine:1"}, {"name": "Qwen3-32B", "contextLength": 32768}
    more = {"model": big, "engine": image, "hardware": {"accelerators": ["H100-SXM"]}, "workload": {"concurrency": 1}}
    kube.apply(_quota(namespace, 4))
    poll(
        "status of the quota", lambda: kube.get("resourcequota", "devices", namespace)["status"].get("used"), timeout=20
    )
    kube.apply(deployment("first", namespace, replicas=1, **more))
    kube.wait_condition("first", namespace, "Scheduled", "True", timeout=60)
    kube.apply(deployment("second", namespace, replicas=2, **more))
    refused = kube.wait_condition("second", namespace, "Planned", "False", reason="NoFit", timeout=60)
    words = f"ResourceQuota devices of namespace {namespace} leaves 2 of 4 nvidia.com/gpu; needs 4"
    assert words in refused["message"]
    kube.apply(_quota(namespace, 6))
    kube.wait_condition("second", namespace, "Planned", "True", timeout=60)
    kube.wait_condition("second", namespace, "Scheduled", "True", timeout=60)
    assert _used(kube, namespace) == {"requests.nvidia.com/gpu": "6"}
    kube.apply(deployment("third", namespace, replicas=1, **more))
    kube.wait_condition("third", namespace, "Planned", "False", reason="NoFit", timeout=60)
    kube.run("delete", "q3d", "first", "-n", namespace)
    kube.wait_condition("third", namespace, "Planned", "True", timeout=60)


def _quota(namespace: str, devices: int) -> dict[str, Any]:
    hard = {"requests.nvidia.com/gpu": str(devices)}
    metadata = {"name": "devices", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}


def _used(kube: Kube, namespace: str) -> dict[str, str]:
    """What the quota controller counted; empty before it did."""
    return dict(kube.get("resourcequota", "devices", namespace).get("status", {}).get("used", {}))


def _place(kube: Kube, namespace: str, model: str, accelerators: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Placement and pod of a big model that only has to be scheduled."""
    spec: dict[str, Any] = {
        "model": {"name": model, "contextLength": 32768},
        "engine": {"image": "example.invalid/engine:1"},
        "hardware": {"accelerators": accelerators},
        "workload": {"concurrency": 1},
    }
    kube.apply(deployment("big", namespace, **spec))
    kube.wait_condition("big", namespace, "Planned", "True", timeout=60)
    kube.wait_condition("big", namespace, "Scheduled", "True", timeout=60)
    placements = kube.get("q3d", "big", namespace)["status"]["plan"]["placements"]
    assert len(placements) == 1
    pods = poll("pod", lambda: kube.list("pods", namespace, "serving.qwen3.io/deployment=big"), timeout=60)
    return placements[0], pods[0]


def _devices(pod: dict[str, Any]) -> dict[str, str]:
    """Extended resources that the pod asks for."""
    limits = pod["spec"]["containers"][0]["resources"]["limits"]
    return {name: count for name, count in limits.items() if "/" in name}
