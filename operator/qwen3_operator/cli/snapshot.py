"""What planning reads of a cluster: raw objects, live or from a file, and how they become an inventory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qwen3_operator.api import deployment, pool
from qwen3_operator.inventory import inventory
from qwen3_operator.reconcile.promises import promised, stored_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory, Reservation

Raw = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name of a Qwen3Deployment."""
OVERRIDES = "qwen3-operator-catalog"
"""Name that the chart gives to the ConfigMap with catalog rows."""
QUOTA = "ResourceQuota"
DEFINITION = "CustomResourceDefinition"
GROUPS = "leaderworkersets.leaderworkerset.x-k8s.io"
"""The definition whose presence says that the cluster has LeaderWorkerSet."""
NOBODY: Key = ("", "")
"""Plans for no deployment: everything that is taken stays taken."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Objects of one moment."""

    nodes: tuple[Raw, ...]
    pods: tuple[Raw, ...] = ()
    deployments: tuple[Raw, ...] = ()
    pools: tuple[Raw, ...] = ()
    quotas: tuple[Raw, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Files of the operator's ConfigMap, whose rows lie over the shipped catalog."""
    namespace: str = "default"
    """Of objects that do not say: the context's."""
    groups: bool = True
    """Whether replicas may span nodes: the cluster has LeaderWorkerSet. Hardware that is not there yet may have it."""

    @classmethod
    def of(cls, objects: Iterable[Raw]) -> Snapshot:
        """Sorted out by kind; other kinds are passed over."""
        by_kind: dict[str, list[Raw]] = {kind: [] for kind in ("Node", "Pod", QUOTA, deployment.KIND, pool.KIND)}
        overrides: dict[str, str] = {}
        groups = False
        for found in objects:
            kind = found.get("kind")
            if kind in by_kind:
                by_kind[kind].append(found)
            elif kind == "ConfigMap" and found.get("metadata", {}).get("name") == OVERRIDES:
                overrides |= found.get("data") or {}
            elif kind == DEFINITION and found.get("metadata", {}).get("name") == GROUPS:
                groups = True
        return cls(
            nodes=tuple(by_kind["Node"]),
            pods=tuple(by_kind["Pod"]),
            deployments=tuple(by_kind[deployment.KIND]),
            pools=tuple(by_kind[pool.KIND]),
            quotas=tuple(by_kind[QUOTA]),
            overrides=overrides,
            groups=groups,
        )

    def inventory(self, catalog: Catalog, planning: Key, taken: Iterable[Reservation] = ()) -> Inventory:
        """What ``planning`` may use: all that neither pods of others nor their plans take.

        Args:
            catalog: how accelerators show themselves.
            planning: its own pods and its plan take nothing.
            taken: what plans that are not in the cluster took.
        """
        others = ((_key(found), stored_plan(found.get("status") or {})) for found in self.deployments)
        held = ((key, plan) for key, plan in others if plan is not None and key != planning)
        reserved = (*promised(held, self.pods), *taken)
        return inventory(
            self.nodes,
            self.pods,
            catalog,
            pools=self.pools,
            exclude=planning,
            reserved=reserved,
            groups=self.groups,
            quotas=self.quotas,
        )


def _key(found: Mapping[str, Any]) -> Key:
    return found["metadata"].get("namespace", "default"), found["metadata"]["name"]
