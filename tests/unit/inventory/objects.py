"""Node and Pod objects as Kubernetes lists them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

GPU_TAINT = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
CONTROL_PLANE_TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
H100 = "NVIDIA-H100-80GB-HBM3"


def node(
    name: str,
    *,
    labels: dict[str, str] | None = None,
    devices: dict[str, str] | None = None,
    taints: tuple[Object, ...] = (),
    ready: str = "True",
    cordoned: bool = False,
    cpu: str = "64",
    memory: str = "512Gi",
    architecture: str = "amd64",
) -> Object:
    """One node; ``devices`` maps extended resources to quantities."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": architecture, **(labels or {})}},
        "spec": {"taints": list(taints), **({"unschedulable": True} if cordoned else {})},
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110", **(devices or {})},
            "conditions": [{"type": "Ready", "status": ready, "message": f"kubelet says {ready}"}],
        },
    }


def gpu_node(name: str, product: str = H100, count: int = 8, memory_mib: int | None = None, **more: Any) -> Object:
    """A node with NVIDIA GPUs as GPU Feature Discovery labels it."""
    labels = {"nvidia.com/gpu.product": product} | ({"nvidia.com/gpu.memory": str(memory_mib)} if memory_mib else {})
    labels |= more.pop("labels", {})
    return node(name, labels=labels, devices={"nvidia.com/gpu": str(count)}, **more)


def npu_node(name: str, chip: str = "910B3", count: int = 8, **more: Any) -> Object:
    """An Atlas A2 node under MindCluster's labels."""
    labels = {"node.kubernetes.io/npu.chip.name": chip} | more.pop("labels", {})
    return node(name, labels=labels, devices={"huawei.com/Ascend910": str(count)}, **more)


def a3_node(name: str, count: int = 16) -> Object:
    """An Atlas A3 node: eight cards of two dies."""
    labels = {"accelerator-type": "module-a3-16"}
    return node(name, labels=labels, devices={"huawei.com/Ascend910": str(count)})


def duo_node(name: str, count: int = 8) -> Object:
    """A server with Atlas 300I Duo cards: two 310P chips on each."""
    labels = {"node.kubernetes.io/npu.chip.name": "310P3"}
    return node(name, labels=labels, devices={"huawei.com/Ascend310P": str(count)}, architecture="arm64")


def pod(
    on: str,
    requests: dict[str, str],
    *,
    owner: str = "",
    namespace: str = "default",
    phase: str = "Running",
    **spec: Any,
) -> Object:
    """A pod bound to a node; ``owner`` is the Qwen3Deployment it belongs to."""
    labels = {"serving.qwen3.io/deployment": owner} if owner else {}
    containers = [{"name": "main", "resources": {"requests": requests}}]
    return {
        "metadata": {"name": "p", "namespace": namespace, "labels": labels},
        "spec": {"nodeName": on, "containers": containers, **spec},
        "status": {"phase": phase},
    }


def acp(name: str, **spec: Any) -> Object:
    """An AcceleratorPool as the API server stores it."""
    return {"metadata": {"name": name, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1"}, "spec": spec}


def quota(
    hard: dict[str, str], used: dict[str, str] | None = None, *, name: str = "devices", namespace: str = "team-a"
) -> Object:
    """A ResourceQuota, whose status has the same ``hard``."""
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": f"uid-{name}", "resourceVersion": "1"},
        "spec": {"hard": dict(hard)},
        "status": {"hard": dict(hard), "used": used or dict.fromkeys(hard, "0")},
    }
