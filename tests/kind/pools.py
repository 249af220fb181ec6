"""Fake accelerator pools: Node objects that KWOK keeps Ready, with the labels and resources of real ones.

Labels and resource names: NVIDIA/k8s-device-plugin (GPU Feature Discovery), Ascend/mind-cluster's Kubernetes API page,
Project-HAMi/ascend-device-plugin; memory as the drivers report it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.kind.steps import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Kubectl = Callable[..., list[str]]
    Node = dict[str, Any]

TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
TOLERATION = {"key": "kwok.x-k8s.io/node", "operator": "Exists", "effect": "NoSchedule"}

# Required by the Node schema; KWOK fills in what is empty.
_UNKNOWN = (
    "bootID",
    "containerRuntimeVersion",
    "kernelVersion",
    "kubeProxyVersion",
    "kubeletVersion",
    "machineID",
    "osImage",
    "systemUUID",
)

_H100 = {
    "nvidia.com/gpu.present": "true",
    "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    "nvidia.com/gpu.memory": "81559",
    "nvidia.com/gpu.count": "8",
    "nvidia.com/gpu.replicas": "1",
    "nvidia.com/gpu.family": "hopper",
    "nvidia.com/gpu.compute.major": "9",
    "nvidia.com/gpu.compute.minor": "0",
    "nvidia.com/gpu.machine": "DGXH100",
    "nvidia.com/mig.strategy": "single",
    "nvidia.com/cuda.driver-version.full": "580.95.05",
    "nvidia.com/cuda.driver-version.major": "580",
    "nvidia.com/cuda.driver-version.minor": "95",
    "nvidia.com/cuda.driver-version.revision": "05",
}

_MIND_CLUSTER_910B3 = {
    "accelerator": "huawei-Ascend910",
    "accelerator-type": "module-910b-8",
    "host-arch": "huawei-arm",
    "workerselector": "dls-worker-node",
    "server-usage": "infer",
    "servertype": "soc",
    "node.kubernetes.io/npu.chip.name": "910B3",
    "mind-cluster/npu-chip-memory": "64G",
    "huawei.com/driver.version": "25.5.2",
}

_HAMI_910B3 = {"ascend": "on", "host-arch": "huawei-arm"}


def node(
    name: str,
    *,
    labels: Mapping[str, str],
    devices: Mapping[str, str],
    architecture: str = "amd64",
    taints: Iterable[Mapping[str, str]] = (TAINT,),
) -> Node:
    """One fake Node: ``devices`` maps resource names to quantities, beside 192 CPUs and 2 TiB of memory."""
    resources = {"cpu": "192", "memory": "2Ti", "ephemeral-storage": "4Ti", "pods": "110", **devices}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "type": "kwok",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture,
                **labels,
            },
        },
        "spec": {"taints": [dict(taint) for taint in taints]},
        "status": {
            "allocatable": resources,
            "capacity": resources,
            "nodeInfo": {**dict.fromkeys(_UNKNOWN, ""), "architecture": architecture, "operatingSystem": "linux"},
        },
    }


def nvidia_h100(count: int = 1, prefix: str = "h100") -> list[Node]:
    """Servers with eight H100-SXM5-80GB each, as GPU Feature Discovery labels them."""
    return [node(f"{prefix}-{i}", labels=_H100, devices={"nvidia.com/gpu": "8"}) for i in range(count)]


def nvidia_h200(count: int = 1, prefix: str = "h200") -> list[Node]:
    """Servers with eight H200-SXM each."""
    labels = _H100 | {"nvidia.com/gpu.product": "NVIDIA-H200", "nvidia.com/gpu.memory": "143771"}
    return [node(f"{prefix}-{i}", labels=labels, devices={"nvidia.com/gpu": "8"}) for i in range(count)]


def nvidia_h100_mixed(name: str = "h100-mixed") -> list[Node]:
    """A server with six whole H100 and two that are cut into 1g.10gb slices (MIG strategy ``mixed``)."""
    slices = "nvidia.com/mig-1g.10gb"
    labels = _H100 | {
        "nvidia.com/gpu.count": "6",
        "nvidia.com/mig.strategy": "mixed",
        f"{slices}.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb",
        f"{slices}.count": "14",
        f"{slices}.memory": "9856",
    }
    return [node(name, labels=labels, devices={"nvidia.com/gpu": "6", slices: "14"})]


def nvidia_t4_shared(name: str = "t4-shared") -> list[Node]:
    """A server with two T4 that are handed out to four pods each (time slicing)."""
    labels = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": "Tesla-T4-SHARED",
        "nvidia.com/gpu.memory": "15360",
        "nvidia.com/gpu.count": "2",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.sharing-strategy": "time-slicing",
        "nvidia.com/mig.strategy": "none",
    }
    return [node(name, labels=labels, devices={"nvidia.com/gpu": "8"})]


def ascend_910b3(count: int = 1, prefix: str = "a910b3") -> list[Node]:
    """Atlas 800I A2 servers (arm64, eight 910B3 of 64 GiB) under MindCluster's labels and resource name."""
    devices = {"huawei.com/Ascend910": "8"}
    return [
        node(f"{prefix}-{i}", labels=_MIND_CLUSTER_910B3, devices=devices, architecture="arm64") for i in range(count)
    ]


def ascend_910b3_hami(count: int = 1, prefix: str = "hami910b3") -> list[Node]:
    """The same servers as HAMi's device plugin advertises them."""
    devices = {"huawei.com/Ascend910B3": "8"}
    return [node(f"{prefix}-{i}", labels=_HAMI_910B3, devices=devices, architecture="arm64") for i in range(count)]


def apply(kubectl: Kubectl, nodes: Iterable[Node]) -> None:
    """Create the nodes and wait until KWOK has made them Ready."""
    listed = list(nodes)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": listed})
    # Not server-side: that drops the status, and with it the devices.
    output(kubectl("apply", "-f", "-"), stdin=text)
    names = [f"node/{item['metadata']['name']}" for item in listed]
    output(kubectl("wait", *names, "--for=condition=Ready", "--timeout=30s"))


def remove(kubectl: Kubectl, nodes: Iterable[Node]) -> None:
    """Delete the nodes, and then the pods on them, which their controller would only look for after a minute."""
    names = [item["metadata"]["name"] for item in nodes]
    output(kubectl("delete", "node", "--ignore-not-found", *names))
    for name in names:
        on_node = f"--field-selector=spec.nodeName={name}"
        output(kubectl("delete", "pods", "--all-namespaces", on_node, "--force", "--grace-period=0"))
