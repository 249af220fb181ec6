"""Which pools a node belongs to with what it offers, and whether pods can run there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import POOL_LABEL
from qwen3_operator.inventory.named import NamedPool, claims, rivals
from qwen3_operator.inventory.offers import offers
from qwen3_operator.inventory.requests import resources
from qwen3_operator.inventory.shown import Offer, Problem, Shown
from qwen3_operator.inventory.taints import tolerations, unusable
from qwen3_operator.inventory.types import UnusedNode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.api.status import Toleration
    from qwen3_operator.inventory.marks import Marks

ARCHITECTURE_LABEL = "kubernetes.io/arch"
CONFLICT = "PoolConflict"
"""Reason of a node that two AcceleratorPools select for the same devices."""


@dataclass(frozen=True, slots=True)
class NodeKind:
    """What a node is to a pool: the key by which nodes are grouped, and what belongs to the node alone."""

    pool: str
    offer: Offer
    architecture: str
    stated: NamedPool | None
    """The AcceleratorPool that selects the node."""
    named_by_label: bool
    tolerations: tuple[Toleration, ...]

    @property
    def key(self) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
        """Equal for nodes that can be one pool."""
        offer = self.offer
        return offer.accelerator.name, offer.resource, self.architecture, tuple(sorted(offer.labels.items()))


def kinds_of(node: Mapping[str, Any], marks: Marks, pools: Sequence[NamedPool]) -> list[NodeKind | UnusedNode]:
    """Every pool that a node belongs to, or why it cannot be used; with MIG slices of several sizes there are several.

    Args:
        node: The Node object.
        marks: How accelerators show themselves.
        pools: The AcceleratorPools, by name.
    """
    name = node["metadata"]["name"]
    labels: Mapping[str, str] = node["metadata"].get("labels") or {}
    shown = Shown(labels, resources(node["status"].get("allocatable")))
    claimed = claims(labels, pools)
    contested = rivals(claimed)
    found: list[NodeKind | UnusedNode] = [
        UnusedNode(name, CONFLICT, _conflict_message(pool, others), pool) for pool, others in contested.items()
    ]
    for pool in claimed:
        if pool.name not in contested:
            found += _claimed(node, shown, marks, pool)
    if all(pool.spec.resource_name for pool in claimed):
        taken = {pool.spec.resource_name for pool in claimed}
        found += _discovered(node, shown, marks, taken, pools)
    return found


def _claimed(node: Mapping[str, Any], shown: Shown, marks: Marks, pool: NamedPool) -> list[NodeKind | UnusedNode]:
    """What an AcceleratorPool has of a node: the resource that it names, else all, which must be of one kind."""
    first, *rest = (_named(found, pool.name) for found in offers(shown, marks, pool))
    found = [_kind(node, shown, marks, first, pool)]
    name = node["metadata"]["name"]
    for other in rest:
        what = other.resource if isinstance(other, Offer) else other.message
        message = f"also offers {what}: name one in spec.resourceName, and make an AcceleratorPool for the other"
        found.append(UnusedNode(name, "MixedPool", message, pool.name))
    return found


def _discovered(
    node: Mapping[str, Any], shown: Shown, marks: Marks, taken: set[str | None], pools: Sequence[NamedPool]
) -> list[NodeKind | UnusedNode]:
    """What no AcceleratorPool has claimed of a node."""
    architecture, label = _architecture(node, shown), shown.labels.get(POOL_LABEL)
    reserved = {pool.name for pool in pools}
    found: list[NodeKind | UnusedNode] = []
    for offered in offers(shown, marks, None):
        if isinstance(offered, Offer) and (offered.resource in taken or (taken and not offered.resource)):
            continue
        if isinstance(offered, Problem) and taken:
            continue
        pool = label or _suffixed(offered.pool, architecture)
        pool = f"{pool}-other" if pool in reserved else pool
        found.append(_kind(node, shown, marks, _named(offered, pool), None))
    return found


def _named(found: Offer | Problem, pool: str) -> Offer | Problem:
    return replace(found, pool=pool)


def _kind(
    node: Mapping[str, Any], shown: Shown, marks: Marks, found: Offer | Problem, stated: NamedPool | None
) -> NodeKind | UnusedNode:
    name = node["metadata"]["name"]
    if isinstance(found, Problem):
        return UnusedNode(name, found.reason, found.message, found.pool)
    is_kept = bool(found.resource) or stated is not None or POOL_LABEL in shown.labels
    known = marks.catalog.tolerated_taints if is_kept else frozenset[str]()
    stated_tolerations = stated.spec.tolerations if stated else ()
    if problem := unusable(name, node, known, stated_tolerations, found.pool):
        return problem
    return NodeKind(
        pool=found.pool,
        offer=found,
        architecture=_architecture(node, shown),
        stated=stated,
        named_by_label=stated is None and POOL_LABEL in shown.labels,
        tolerations=tolerations(node, known),
    )


def _architecture(node: Mapping[str, Any], shown: Shown) -> str:
    found = shown.labels.get(ARCHITECTURE_LABEL) or node["status"].get("nodeInfo", {}).get("architecture", "amd64")
    return str(found)


def _suffixed(pool: str, architecture: str) -> str:
    if not pool:
        return ""
    return pool if architecture == "amd64" and pool != "cpu" else f"{pool}-{architecture}"


def _conflict_message(pool: str, others: Sequence[str]) -> str:
    return f"AcceleratorPools {', '.join(sorted({pool, *others}))} select it for the same devices: let only one do so"
