"""``pool_status(pool, inventory, catalog, now)``: what an AcceleratorPool came to. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.pool import PoolStatus
from qwen3_operator.api.status import Condition, ConditionStatus
from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory import named_pools
from qwen3_operator.inventory.nodes import CONFLICT
from qwen3_operator.inventory.offers import nearest
from qwen3_operator.reconcile.observed import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory, Pool, UnusedNode
    from qwen3_operator.inventory.named import NamedPool

READY = "Ready"


def pool_status(raw: Mapping[str, Any], inventory: Inventory, catalog: Catalog, now: str) -> PoolStatus:
    """The whole status.

    Args:
        raw: The AcceleratorPool.
        inventory: What there is, this pool included; nothing reserved.
        catalog: For the names of accelerators.
        now: RFC 3339 in UTC; shows up only in transitions.
    """
    metadata = raw["metadata"]
    name, generation = metadata["name"], metadata["generation"]
    stated = next(iter(named_pools([raw])), None)
    pool = inventory.pools.get(name)
    unused = [node for node in inventory.unused if node.pool == name]
    verdict = _judge(stated, pool, unused, catalog)
    before = next((entry for entry in (raw.get("status") or {}).get("conditions", ()) if entry["type"] == READY), None)
    since = before["lastTransitionTime"] if before and before["status"] == verdict.status else now
    condition = Condition(
        type=READY,
        status=verdict.status,
        observed_generation=generation,
        last_transition_time=since,
        reason=verdict.reason,
        message=verdict.message,
    )
    return PoolStatus(
        observed_generation=generation,
        conditions=(condition,),
        nodes=len(pool.nodes) if pool else 0,
        unused_nodes=len({node.name for node in unused}),
        devices=sum(node.devices for node in pool.nodes) if pool else 0,
        free_devices=sum(node.free_devices for node in pool.nodes) if pool else 0,
        accelerator=pool.accelerator.name if pool else "",
        memory_per_device=f"{pool.device_memory_bytes // MIB}Mi" if pool and pool.resource_name else "",
    )


def _judge(stated: NamedPool | None, pool: Pool | None, unused: Sequence[UnusedNode], catalog: Catalog) -> Verdict:
    if stated is None:
        return _false("InvalidSpec", "the stored object is not valid for this version of the operator")
    accelerator = stated.spec.accelerator
    if accelerator and accelerator not in catalog.accelerators:
        known = nearest(accelerator, catalog.accelerators)
        return _false("UnknownAccelerator", f"spec.accelerator {accelerator!r} is not in the catalog: {known}")
    if contested := [node for node in unused if node.reason == CONFLICT]:
        return _false("Conflict", f"{_nodes(len(contested))}: {contested[0].name}: {contested[0].message}")
    if pool is None and not unused:
        labels = ", ".join(f"{key}={value}" for key, value in sorted(stated.selector.items()))
        return _false("NoNodes", f"no node has the labels {labels}")
    if pool is None:
        reason = Counter(node.reason for node in unused).most_common(1)[0][0]
        first = next(node for node in unused if node.reason == reason)
        return _false(reason, f"none of {_nodes(len(unused))} can be used: {first.name}: {first.message}")
    message = f"{_nodes(len(pool.nodes))} can be used"
    if unused:
        message += f", {len(unused)} cannot: {unused[0].name}: {unused[0].reason}: {unused[0].message}"
    return Verdict(ConditionStatus.TRUE, "Usable", message)


def _false(reason: str, message: str) -> Verdict:
    return Verdict(ConditionStatus.FALSE, reason, message)


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"
