"""How the pods of a pool are kept on its nodes and off those of others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from qwen3_operator.api.base import POOL_LABEL
from qwen3_operator.api.status import NodeRequirement
from qwen3_operator.inventory.nodes import ARCHITECTURE_LABEL, NodeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen3_operator.catalog import Catalog

HOSTNAME_LABEL = "kubernetes.io/hostname"
Labelled = tuple[NodeKind, "Mapping[str, str]"]
"""A node as part of a pool, and the node's labels."""


def node_selector(kind: NodeKind) -> dict[str, str]:
    """Labels that all nodes of the pool have."""
    selector = {ARCHITECTURE_LABEL: kind.architecture, **kind.offer.labels}
    if kind.named_by_label:
        selector[POOL_LABEL] = kind.pool
    return selector | (kind.stated.selector if kind.stated else {})


def node_requirements(
    members: Sequence[Labelled], others: Iterable[Labelled], catalog: Catalog
) -> tuple[NodeRequirement, ...]:
    """What keeps the pool's pods off nodes that carry the same labels and belong to another pool.

    Args:
        members: The pool's nodes, at least one.
        others: Nodes of AcceleratorPools.
        catalog: Labels of accelerators, which CPU pools avoid.
    """
    first = members[0][0]
    keys = set() if first.named_by_label or first.stated else {POOL_LABEL}
    if not first.offer.resource:
        marks = [mark for accelerator in catalog.accelerators.values() for mark in accelerator.nodes]
        keys |= {key for mark in marks for key in mark.labels}
    keys -= node_selector(first).keys()
    absent = [NodeRequirement(key=key, operator="DoesNotExist") for key in sorted(keys)]
    return (*absent, *(_exclusions(members, others) if first.stated is None else ()))


def _exclusions(members: Sequence[Labelled], others: Iterable[Labelled]) -> list[NodeRequirement]:
    """For nodes that AcceleratorPools took out of a discovered pool: a label that none of the rest has.

    A pool is told by several labels that hold together, which no single requirement can negate; where no label of
    theirs is missing on all the rest, the nodes are named.
    """
    first = members[0][0]
    selector = node_selector(first)
    lost: defaultdict[str, list[Labelled]] = defaultdict(list)
    for kind, labels in others:
        is_alike = kind.stated is not None and kind.offer.resource == first.offer.resource
        if is_alike and all(labels.get(key) == value for key, value in selector.items()):
            lost[kind.pool].append((kind, labels))
    values: defaultdict[str, set[str]] = defaultdict(set)
    for group in lost.values():
        stated = group[0][0].stated
        pairs = sorted(stated.selector.items()) if stated else []
        telling = next((pair for pair in pairs if not _is_on_any(members, *pair)), None)
        if telling:
            values[telling[0]].add(telling[1])
        else:
            values[HOSTNAME_LABEL] |= {labels.get(HOSTNAME_LABEL, "") for _, labels in group}
    return [
        NodeRequirement(key=key, operator="NotIn", values=tuple(sorted(found)))
        for key, found in sorted(values.items())
        if key != POOL_LABEL
    ]


def _is_on_any(members: Sequence[Labelled], key: str, value: str) -> bool:
    return any(labels.get(key) == value for _, labels in members)
