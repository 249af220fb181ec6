"""A deployment and its plan, small enough to read."""

from __future__ import annotations

from typing import Any

from qwen3_operator.api.status import MemoryPlan, NodeRequirement, Placement, PlanStatus, Toleration
from qwen3_operator.settings import Settings, from_environment

NAMESPACE = "team-a"
NAME = "chat"


def deployment(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A Qwen3Deployment as the API server stores it; ``spec`` is merged over a minimal one, one level deep."""
    minimal: dict[str, Any] = {
        "model": {"name": "Qwen3-8B", "source": {"persistentVolumeClaim": {"claimName": "weights"}}},
        "replicas": 2,
    }
    for field, value in (spec or {}).items():
        minimal[field] = {**minimal.get(field, {}), **value} if isinstance(value, dict) else value
    return {
        "apiVersion": "serving.qwen3.io/v1alpha1",
        "kind": "Qwen3Deployment",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "uid": "0000-1111",
            "generation": 1,
            "resourceVersion": "7",
            "creationTimestamp": "2026-11-24T12:00:00Z",
            **metadata,
        },
        "spec": minimal,
    }


def placement(**changes: Any) -> Placement:
    """One H100 for one replica."""
    values: dict[str, Any] = {
        "pool": "h100",
        "accelerator": "H100-SXM",
        "device": "cuda",
        "resource_name": "nvidia.com/gpu",
        "quantization": "BF16",
        "tensor_parallel": 2,
        "expert_parallel": 1,
        "nodes": 1,
        "devices_per_replica": 2,
        "memory": MemoryPlan(total=100, weights=50, kv_cache=30, activations=10, overhead=5, free=5),
        "kv_cache_tokens": 4096,
        "max_concurrency": 3,
        "surge": True,
        "replicas": 2,
        "cpu_request": "4000m",
        "memory_request": "16384Mi",
        "node_selector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
        "node_requirements": (NodeRequirement(key="serving.qwen3.io/pool", operator="DoesNotExist"),),
        "tolerations": (Toleration(key="nvidia.com/gpu"),),
    }
    return Placement(**{**values, **changes})


def cpu_placement(**changes: Any) -> Placement:
    """A CPU pool."""
    values = {
        "pool": "cpu",
        "accelerator": "CPU",
        "device": "cpu",
        "resource_name": "",
        "tensor_parallel": 1,
        "devices_per_replica": 0,
        "memory_request": "2048Mi",
        "node_selector": {},
        "node_requirements": (),
        "tolerations": (),
    }
    return placement(**{**values, **changes})


def plan(*placements: Placement, **changes: Any) -> PlanStatus:
    """A plan of these placements, by default the one H100 placement."""
    values: dict[str, Any] = {
        "model": "Qwen3-8B",
        "context_length": 8192,
        "catalog_version": "c1",
        "spec_digest": "d1",
        "summary": "Qwen3-8B BF16 on 2 x H100-SXM",
        "placements": placements or (placement(),),
    }
    return PlanStatus(**{**values, **changes})


def settings(**environment: str) -> Settings:
    """Settings with an image for every kind of device."""
    base = {
        "POD_NAMESPACE": "qwen3-system",
        "QWEN3_IMAGE_CPU": "runtime:cpu",
        "QWEN3_IMAGE_CUDA": "runtime:cuda",
        "QWEN3_IMAGE_NPU": "runtime:npu",
    }
    return from_environment({**base, **environment}, "operator-0")
