"""What planning reads of a cluster: raw objects, live or from a file, and how they become an inventory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api import deployment, pool
from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import Reservation, inventory
from qwen3_operator.manifests.names import PLACEMENT_LABEL, dns_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory

Raw = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name of a Qwen3Deployment."""
OVERRIDES = "qwen3-operator-catalog"
"""Name that the chart gives to the ConfigMap with catalog rows."""
NOBODY: Key = ("", "")
"""Plans for no deployment: everything that is taken stays taken."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Objects of one moment."""

    nodes: tuple[Raw, ...]
    pods: tuple[Raw, ...] = ()
    deployments: tuple[Raw, ...] = ()
    pools: tuple[Raw, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Files of the operator's ConfigMap, whose rows lie over the shipped catalog."""

    @classmethod
    def of(cls, objects: Iterable[Raw]) -> Snapshot:
        """Sorted out by kind; other kinds are passed over."""
        by_kind: dict[str, list[Raw]] = {kind: [] for kind in ("Node", "Pod", deployment.KIND, pool.KIND)}
        overrides: dict[str, str] = {}
        for found in objects:
            kind = found.get("kind")
            if kind in by_kind:
                by_kind[kind].append(found)
            elif kind == "ConfigMap" and found.get("metadata", {}).get("name") == OVERRIDES:
                overrides |= found.get("data") or {}
        return cls(
            nodes=tuple(by_kind["Node"]),
            pods=tuple(by_kind["Pod"]),
            deployments=tuple(by_kind[deployment.KIND]),
            pools=tuple(by_kind[pool.KIND]),
            overrides=overrides,
        )

    def inventory(self, catalog: Catalog, planning: Key, promised: Iterable[Reservation] = ()) -> Inventory:
        """What ``planning`` may use: all that neither pods of others nor their plans take.

        Args:
            catalog: how accelerators show themselves.
            planning: its own pods and its plan take nothing.
            promised: what plans that are not in the cluster took.
        """
        reserved = (*self._reserved(planning), *promised)
        return inventory(self.nodes, self.pods, catalog, pools=self.pools, exclude=planning, reserved=reserved)

    def _reserved(self, planning: Key) -> Iterator[Reservation]:
        """What others were promised and have not bound yet."""
        bound = Counter(_placement_of(pod) for pod in self.pods)
        for found in self.deployments:
            key = _key(found)
            held = stored_plan(found)
            if key == planning or held is None:
                continue
            for placement in held.placements:
                missing = placement.replicas - bound[*key, dns_label(placement.pool)]
                if missing > 0:
                    yield Reservation.of(placement, missing)


def stored_plan(found: Mapping[str, Any]) -> PlanStatus | None:
    """The plan in a Qwen3Deployment's status; None as well for one of another version of the operator."""
    try:
        return PlanStatus.model_validate(found["status"]["plan"])
    except (KeyError, TypeError, ValidationError):
        return None


def _key(obj: Mapping[str, Any]) -> Key:
    return obj["metadata"].get("namespace", "default"), obj["metadata"]["name"]


def _placement_of(pod: Mapping[str, Any]) -> tuple[str, str, str]:
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    namespace = pod["metadata"].get("namespace", "")
    return namespace, labels.get(DEPLOYMENT_LABEL, ""), labels.get(PLACEMENT_LABEL, "")
