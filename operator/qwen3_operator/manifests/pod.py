"""The pod template of one placement, within Pod Security "restricted"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.manifests.groups import member_environment
from qwen3_operator.manifests.quantity import cpu, memory
from qwen3_operator.manifests.runtime import LAME_DUCK_SECONDS
from qwen3_operator.manifests.volumes import weight_mounts, weight_volumes
from qwen3_runtime.config import API_PORT, CONFIG_VARIABLE, MANAGEMENT_PORT, Device, RuntimeConfig

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Placement

CONTAINER = "engine"
_USER = 65532
_ASCEND_GROUP = 1000
"""HwHiAiUser, the group that the Ascend driver gives the device nodes to (mode 0660)."""
_GRACE_MARGIN_SECONDS = 15
"""For the engine to end after the last request, before the kubelet kills."""
_SHARED_MEMORY = {Device.CPU: "1Gi", Device.CUDA: "16Gi", Device.NPU: "16Gi", Device.ROCM: "16Gi"}
"""Shared memory for collectives between the processes of one replica (Ascend's documents run with 16g)."""


def pod_spec(
    spec: DeploymentSpec,
    placement: Placement,
    config: RuntimeConfig,
    *,
    image: str,
    pull_policy: str,
    runtime_class: str | None,
) -> dict[str, Any]:
    """PodSpec of one replica. Raw dictionary without defaults of the API server."""
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The kernel drops a SIGTERM that process 1 has no handler for: a pod deleted before the runtime has set its own
        # would live until its grace period ends. With this the pause container is process 1.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": LAME_DUCK_SECONDS + spec.drain_timeout_seconds + _GRACE_MARGIN_SECONDS,
        "securityContext": _pod_security(config.device),
        "containers": [_container(spec, placement, config, image=image, pull_policy=pull_policy)],
        "volumes": _volumes(spec, config.device),
    }
    if spec.engine.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in spec.engine.image_pull_secrets]
    if placement.node_selector:
        pod["nodeSelector"] = dict(sorted(placement.node_selector.items()))
    if placement.node_requirements:
        pod["affinity"] = _affinity(placement)
    if placement.tolerations:
        pod["tolerations"] = [toleration.to_json() for toleration in placement.tolerations]
    if runtime_class:
        pod["runtimeClassName"] = runtime_class
    return pod


def _affinity(placement: Placement) -> dict[str, Any]:
    expressions = [
        {name: value for name, value in requirement.to_json().items() if value}
        for requirement in placement.node_requirements
    ]
    terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _pod_security(device: Device) -> dict[str, Any]:
    """The group is for the emptyDirs; a read-only claim is never chowned by the kubelet."""
    security: dict[str, Any] = {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "fsGroup": _USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if device is Device.NPU:
        security["supplementalGroups"] = [_ASCEND_GROUP]
    return security


def _container(
    spec: DeploymentSpec, placement: Placement, config: RuntimeConfig, *, image: str, pull_policy: str
) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": pull_policy,
        "env": [
            {"name": CONFIG_VARIABLE, "value": config.model_dump_json(by_alias=True, exclude_none=True)},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 - the pod's own emptyDir
            *(member_environment() if placement.nodes > 1 else ()),
        ],
        "ports": [
            {"name": "http", "containerPort": API_PORT, "protocol": "TCP"},
            {"name": "management", "containerPort": MANAGEMENT_PORT, "protocol": "TCP"},
        ],
        "resources": _resources(placement, config.device),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "startupProbe": _probe("/livez", period=2, failures=60),
        "livenessProbe": _probe("/livez", period=10, failures=6),
        "readinessProbe": _probe("/readyz", period=2, failures=3),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            *weight_mounts(spec.model),
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own emptyDir
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - likewise
        ],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "management", "scheme": "HTTP"},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    }


def _resources(placement: Placement, device: Device) -> dict[str, Any]:
    """Extended resources cannot be overcommitted: request and limit are equal. CPU time has no limit.

    Host memory is limited where it holds the model; elsewhere page cache of the weights would count against it.
    """
    requests = {"cpu": cpu(placement.cpu_request), "memory": memory(placement.memory_request)}
    limits = {}
    if placement.resource_name:
        per_node = str(placement.devices_per_replica // placement.nodes)
        requests[placement.resource_name] = per_node
        limits[placement.resource_name] = per_node
    if device is Device.CPU:
        limits["memory"] = requests["memory"]
    return {"requests": requests, "limits": limits}


def _volumes(spec: DeploymentSpec, device: Device) -> list[dict[str, Any]]:
    return [
        *weight_volumes(spec.model),
        {"name": "tmp", "emptyDir": {}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": _SHARED_MEMORY[device]}},
    ]
