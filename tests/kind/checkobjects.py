"""The objects that the cluster's checks create."""

from __future__ import annotations

from typing import Any

NAMESPACE = "qwen3-check"
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def volume(workers: list[str]) -> list[dict[str, Any]]:
    """A `local` volume over the folder that all workers share with the host, and a claim on it."""
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": workers}]}]
    common = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": NAMESPACE},
        "spec": {
            **common,
            "capacity": {"storage": "1Gi"},
            "local": {"path": f"/var/lib/qwen3-models/{NAMESPACE}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": NAMESPACE, "namespace": NAMESPACE},
        "spec": {**common, "volumeName": NAMESPACE, "resources": {"requests": {"storage": "1Gi"}}},
    }
    return [volume, claim]


def service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 8080}]},
    }


def policy() -> dict[str, Any]:
    admitted = {"podSelector": {"matchLabels": {"app": "friend"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "server", "namespace": NAMESPACE},
        "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "ingress": [{"from": [admitted]}]},
    }


def pod(name: str, image: str, node: str, command: list[str], claim: str = "") -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": image, "command": command, "securityContext": _RESTRICTED}
    spec: dict[str, Any] = {
        "containers": [container],
        "nodeSelector": {"kubernetes.io/hostname": node},
        "terminationGracePeriodSeconds": 1,
    }
    if claim:
        container["volumeMounts"] = [{"name": "weights", "mountPath": "/weights", "readOnly": True}]
        spec["volumes"] = [{"name": "weights", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": spec,
    }
