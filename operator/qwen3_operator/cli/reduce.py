"""A snapshot without what planning does not read: small enough to keep in a file or to send to somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.cli.snapshot import DEFINITION, GROUPS, OVERRIDES, QUOTA
from qwen3_operator.inventory.requests import add, is_finished, pod_requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.cli.snapshot import Raw, Snapshot


def reduced(snapshot: Snapshot) -> Raw:
    """A ``List`` of objects; ``Snapshot.of`` its items gives the same inventory."""
    items = [*map(_node, snapshot.nodes), *_pods(snapshot.pods)]
    items += [*map(_pool, snapshot.pools), *map(_quota, snapshot.quotas), *map(_deployment, snapshot.deployments)]
    if snapshot.groups:
        items.append({"apiVersion": "apiextensions.k8s.io/v1", "kind": DEFINITION, "metadata": {"name": GROUPS}})
    if snapshot.overrides:
        items.append(_config_map(snapshot.overrides))
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _config_map(files: Mapping[str, str]) -> Raw:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": OVERRIDES}, "data": dict(files)}


def _node(node: Mapping[str, Any]) -> Raw:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = [c for c in status.get("conditions") or () if c["type"] == "Ready"]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node["metadata"]["name"], "labels": node["metadata"].get("labels") or {}},
        "spec": {key: spec[key] for key in ("taints", "unschedulable") if spec.get(key)},
        "status": {
            "allocatable": status.get("allocatable") or {},
            "conditions": [{key: c[key] for key in ("type", "status", "message") if key in c} for c in ready],
            "nodeInfo": {"architecture": (status.get("nodeInfo") or {}).get("architecture", "amd64")},
        },
    }


def _pods(pods: Iterable[Mapping[str, Any]]) -> list[Raw]:
    """The platform's pods one by one, which plans are counted by; all others as one sum per node."""
    kept: list[Raw] = []
    others: dict[str, dict[str, int]] = {}
    for pod in pods:
        if is_finished(pod):
            continue
        requests = pod_requests(pod)
        metadata, node = pod["metadata"], pod["spec"].get("nodeName", "")
        if DEPLOYMENT_LABEL in (metadata.get("labels") or {}):
            kept.append(_pod(metadata["namespace"], metadata["name"], node, requests, metadata["labels"]))
        elif node:
            add(others.setdefault(node, {}), requests)
    summed = [_pod("", f"all-other-pods-of-{node}", node, others[node], {}) for node in sorted(others)]
    return kept + summed


def _pod(namespace: str, name: str, node: str, requests: Mapping[str, int], labels: Mapping[str, str]) -> Raw:
    amounts = {key: f"{value}m" if key == "cpu" else str(value) for key, value in sorted(requests.items())}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": dict(labels)},
        "spec": {"nodeName": node, "containers": [{"name": "all", "resources": {"requests": amounts}}]},
        "status": {"phase": "Running" if node else "Pending"},
    }


def _pool(pool: Mapping[str, Any]) -> Raw:
    named = {"name": pool["metadata"]["name"]}
    return {"apiVersion": pool["apiVersion"], "kind": pool["kind"], "metadata": named, "spec": pool.get("spec") or {}}


def _quota(quota: Mapping[str, Any]) -> Raw:
    named = {key: quota["metadata"][key] for key in ("namespace", "name")}
    status = {key: found for key, found in (quota.get("status") or {}).items() if key in {"hard", "used"}}
    return {"apiVersion": "v1", "kind": QUOTA, "metadata": named, "spec": quota.get("spec") or {}, "status": status}


def _deployment(deployment: Mapping[str, Any]) -> Raw:
    metadata = deployment["metadata"]
    plan = (deployment.get("status") or {}).get("plan")
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "metadata": {key: metadata[key] for key in ("namespace", "name")},
        "status": {"plan": plan} if plan else {},
    }
