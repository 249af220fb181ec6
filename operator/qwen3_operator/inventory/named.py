"""AcceleratorPools: which nodes they select, and where two of them want the same devices."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.pool import PoolSpec, selector
from qwen3_operator.inventory.quantity import amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEPT = 4096
"""Parsed specs that are remembered: every plan reads all of them."""


@dataclass(frozen=True)
class NamedPool:
    """An AcceleratorPool as the inventory uses it."""

    name: str
    spec: PoolSpec

    @property
    def selector(self) -> dict[str, str]:
        """Labels of its nodes."""
        return selector(self.name, self.spec)

    @property
    def memory_bytes(self) -> int | None:
        """Memory of one device, where it is stated."""
        return amount(self.spec.memory_per_device) if self.spec.memory_per_device else None

    @property
    def price(self) -> Decimal | None:
        """Of one device for one hour, where it is stated."""
        return None if self.spec.price_per_device_hour is None else Decimal(self.spec.price_per_device_hour)

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether a node with these labels is the pool's."""
        return all(labels.get(key) == value for key, value in self.selector.items())


def named_pools(objects: Iterable[Mapping[str, Any]]) -> tuple[NamedPool, ...]:
    """The pools of AcceleratorPool objects by name; an object of another version's form is left out."""
    found = {raw["metadata"]["name"]: _spec(json.dumps(raw.get("spec") or {}, sort_keys=True)) for raw in objects}
    return tuple(NamedPool(name, spec) for name, spec in sorted(found.items()) if spec is not None)


@lru_cache(maxsize=_KEPT)
def _spec(text: str) -> PoolSpec | None:
    try:
        return PoolSpec.model_validate_json(text)
    except ValidationError:
        return None


def claims(labels: Mapping[str, str], pools: Iterable[NamedPool]) -> tuple[NamedPool, ...]:
    """The pools that select a node with these labels."""
    return tuple(pool for pool in pools if pool.selects(labels))


def rivals(claimed: Iterable[NamedPool]) -> dict[str, tuple[str, ...]]:
    """For each pool the names of the others that want the same devices of a node.

    Pools that each name another resource share a node in peace; one that names none wants all of them.
    """
    pools = tuple(claimed)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in pools:
        for other in pools:
            resources = (one.spec.resource_name, other.spec.resource_name)
            if one is not other and (None in resources or resources[0] == resources[1]):
                found[one.name].append(other.name)
    return {name: tuple(others) for name, others in found.items()}
