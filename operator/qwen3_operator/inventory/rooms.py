"""What nodes have, and what pods take of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.inventory.requests import Resources, add, is_finished, pod_requests
from qwen3_operator.inventory.types import NodeRoom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Owner = tuple[str, str]
"""Namespace and name of a Qwen3Deployment."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts of one node."""

    name: str
    has: Resources
    used: Resources


class Used(NamedTuple):
    """Requests of pods that are not finished."""

    nodes: Mapping[str, Resources]
    owned: Mapping[Owner, Mapping[str, Resources]]
    """By deployment and node."""
    held: Mapping[Owner, Resources]
    """By deployment, pods that are not bound to a node included: quotas count them, too."""


def used_by(pods: Iterable[Mapping[str, Any]]) -> Used:
    """What pods take."""
    used: defaultdict[str, Resources] = defaultdict(dict)
    owned: dict[Owner, dict[str, Resources]] = {}
    held: dict[Owner, Resources] = {}
    for pod in pods:
        node, owner = pod["spec"].get("nodeName"), _owner(pod)
        if is_finished(pod) or not (node or owner):
            continue
        requested = pod_requests(pod)
        if node:
            add(used[node], requested)
        if owner:
            add(held.setdefault(owner, {}), requested)
        if node and owner:
            add(owned.setdefault(owner, {}).setdefault(node, {}), requested)
    return Used(used, owned, held)


def _owner(pod: Mapping[str, Any]) -> Owner | None:
    """Namespace and name of the Qwen3Deployment that a pod belongs to."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    name = labels.get(DEPLOYMENT_LABEL)
    return (str(pod["metadata"].get("namespace", "")), name) if name else None


def room_of(node: Amounts, resource: str, own: Resources) -> NodeRoom:
    """A node of a pool; ``own`` is what is not counted."""
    has, used = node.has, node.used
    devices = has.get(resource, 0) if resource else 0
    taken = used.get(resource, 0) - own.get(resource, 0) if resource else 0
    return NodeRoom(
        name=node.name,
        devices=devices,
        memory_bytes=has.get("memory", 0),
        free_devices=max(0, devices - taken),
        free_cpu_millicores=max(0, has.get("cpu", 0) - used.get("cpu", 0) + own.get("cpu", 0)),
        free_memory_bytes=max(0, has.get("memory", 0) - used.get("memory", 0) + own.get("memory", 0)),
    )
