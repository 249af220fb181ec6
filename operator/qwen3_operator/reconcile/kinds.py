"""The kinds that the operator watches, and where their objects belong."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.api import pool
from qwen3_operator.api.base import DEPLOYMENT_LABEL, GROUP, VERSION
from qwen3_operator.api.deployment import PLURAL
from qwen3_operator.manifests import groups, prefetch

if TYPE_CHECKING:
    from collections.abc import Mapping


class Key(NamedTuple):
    """Namespace and name of a Qwen3Deployment: the unit of work."""

    namespace: str
    name: str


class Resource(NamedTuple):
    """Coordinates of a kind in the API."""

    kind: str
    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """URL path of a collection, an object or its subresource."""
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        if namespace:
            parts += ["namespaces", namespace]
        parts += [self.plural, *(part for part in (name, subresource) if part)]
        return "/".join(parts)


class Kind(Enum):
    """What is watched."""

    QWEN3DEPLOYMENT = Resource("Qwen3Deployment", GROUP, VERSION, PLURAL)
    POD = Resource("Pod", "", "v1", "pods")
    DEPLOYMENT = Resource("Deployment", "apps", "v1", "deployments")
    DAEMON_SET = Resource(prefetch.KIND, "apps", "v1", "daemonsets")
    LEADER_WORKER_SET = Resource(groups.KIND, groups.GROUP, groups.VERSION, "leaderworkersets")
    SERVICE = Resource("Service", "", "v1", "services")
    NETWORK_POLICY = Resource("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies")
    DISRUPTION_BUDGET = Resource("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets")
    CONFIG_MAP = Resource("ConfigMap", "", "v1", "configmaps")
    NODE = Resource("Node", "", "v1", "nodes", namespaced=False)
    ACCELERATOR_POOL = Resource(pool.KIND, GROUP, VERSION, pool.PLURAL, namespaced=False)
    RESOURCE_QUOTA = Resource("ResourceQuota", "", "v1", "resourcequotas")


WORKLOAD_KINDS = (Kind.DEPLOYMENT, Kind.LEADER_WORKER_SET)
"""What makes replicas."""
CHILD_KINDS = (
    *(Kind.SERVICE, Kind.NETWORK_POLICY, Kind.DISRUPTION_BUDGET, Kind.CONFIG_MAP),
    *WORKLOAD_KINDS,
    Kind.DAEMON_SET,
)
"""What is rendered, in the order of creation."""
MANAGED_KINDS = (Kind.POD, *CHILD_KINDS)
"""What is watched by our label only."""
_BY_KIND = {kind.value.kind: kind for kind in Kind}


def kinds_with(*, groups: bool) -> tuple[Kind, ...]:
    """The kinds of a cluster with or without the LeaderWorkerSet controller."""
    return tuple(kind for kind in Kind if groups or kind is not Kind.LEADER_WORKER_SET)


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """Kind of an object. Raises KeyError for one that is not watched."""
    return _BY_KIND[manifest["kind"]]


def owner_key(kind: Kind, obj: Mapping[str, Any]) -> Key | None:
    """The Qwen3Deployment that an object is about: itself, or the one named by its label.

    None for nodes, pools and quotas, which are about all of the cluster or of a namespace.
    """
    metadata = obj["metadata"]
    if not kind.value.namespaced or kind is Kind.RESOURCE_QUOTA:
        return None
    if kind is Kind.QWEN3DEPLOYMENT:
        return Key(metadata["namespace"], metadata["name"])
    name = metadata.get("labels", {}).get(DEPLOYMENT_LABEL)
    return Key(metadata["namespace"], name) if name else None
