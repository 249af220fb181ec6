"""Kubernetes objects that tests and the demo start from."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

MODELS_ON_NODE = "/var/lib/qwen3-models"
"""Where tests/kind mounts the host's model folder on every worker."""


RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Security context of a container that Pod Security "restricted" lets in."""


def namespace_object(name: str) -> Object:
    """A namespace under Pod Security "restricted"."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def weights_volume(namespace: str, folder: str) -> Object:
    """A local PersistentVolume over a folder of models, for the claim ``weights`` of one namespace."""
    on_workers = {"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": namespace},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadOnlyMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace, "name": "weights"},
            "local": {"path": f"{MODELS_ON_NODE}/{folder}".rstrip("/")},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_workers]}]}},
        },
    }


def weights_claim(namespace: str) -> Object:
    """The claim ``weights``."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "weights", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadOnlyMany"],
            "storageClassName": "",
            "volumeName": namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def deployment(name: str, namespace: str, **spec: Any) -> Object:
    """A Qwen3Deployment of the tiny model; keyword arguments are merged over its spec."""
    base: Object = {
        "model": {
            "name": "Qwen3-Tiny",
            "contextLength": 4096,
            "source": {"persistentVolumeClaim": {"claimName": "weights"}},
        },
        "workload": {"concurrency": 8},
        "drainTimeoutSeconds": 60,
    }
    return {
        "apiVersion": "serving.qwen3.io/v1alpha1",
        "kind": "Qwen3Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": merged(base, spec),
    }


def merged(base: Object, over: Object) -> Object:
    """Deep merge of dictionaries; anything else is replaced, None removes."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result
