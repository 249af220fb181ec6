"""Replicas over several nodes: a LeaderWorkerSet (https://lws.sigs.k8s.io), whose controller makes groups of pods."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from qwen3_runtime.config import GROUP_LEADER_VARIABLE, GROUP_RANK_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP, VERSION = "leaderworkerset.x-k8s.io", "v1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "LeaderWorkerSet"
INDEX_LABEL = "leaderworkerset.sigs.k8s.io/worker-index"
"""The controller's label on each pod: its rank in the group; 0 is the leader."""
LONGEST_NAME = 45
"""Pods, StatefulSets and their revisions append up to eighteen characters to a name that has to stay a label value."""


def member_environment() -> list[dict[str, Any]]:
    """What tells a pod its place. The controller puts its own variables before all others: ours may refer to them."""
    return [
        {"name": GROUP_RANK_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX_LABEL}']"}}},
        {"name": GROUP_LEADER_VARIABLE, "value": "$(LWS_LEADER_ADDRESS)"},
    ]


def group_spec(template: dict[str, Any], *, replicas: int, nodes: int, update: Mapping[str, int]) -> dict[str, Any]:
    """Spec of the LeaderWorkerSet: one group of pods per replica, replaced as a whole where one pod of it is lost.

    A Service sends requests to pods that name its port, so only the leader does.
    """
    worker = copy.deepcopy(template)
    for container in worker["spec"]["containers"]:
        container["ports"] = [port for port in container["ports"] if port["name"] != "http"]
    return {
        "replicas": replicas,
        "startupPolicy": "LeaderCreated",
        "rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": dict(update)},
        "leaderWorkerTemplate": {
            "size": nodes,
            "restartPolicy": "RecreateGroupOnPodRestart",
            "leaderTemplate": template,
            "workerTemplate": worker,
        },
    }


def without_workers(labels: str, nodes: int) -> str:
    """A label selector that leaves out the workers of groups of up to so many pods: a replica is counted once."""
    workers = ",".join(str(rank) for rank in range(1, nodes))
    return f"{labels},{INDEX_LABEL} notin ({workers})" if workers else labels


def template_of(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Pod template of a Deployment, or of the leaders of a LeaderWorkerSet."""
    group = workload["spec"].get("leaderWorkerTemplate")
    found: Mapping[str, Any] = group["leaderTemplate"] if group else workload["spec"]["template"]
    return found


def pods_of(workload: Mapping[str, Any]) -> int:
    """Pods that a Deployment or a LeaderWorkerSet makes."""
    spec = workload["spec"]
    return int(spec["replicas"]) * int(spec.get("leaderWorkerTemplate", {}).get("size", 1))
