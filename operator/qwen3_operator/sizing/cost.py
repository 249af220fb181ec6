"""What devices cost per hour."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_operator.api.status import Placement
    from qwen3_operator.inventory import Inventory

NOTHING = Decimal(0)


def cost_per_hour(price: Decimal | None, devices: int) -> Decimal:
    """Of so many devices; nothing where there is no price, which the order looks at first."""
    return NOTHING if price is None else price * devices


def total_cost(parts: Iterable[tuple[Decimal | None, int]]) -> Decimal | None:
    """Of several pools' devices, each with the price of one; None where a pool has no price."""
    total = NOTHING
    for price, devices in parts:
        if price is None:
            return None
        total += cost_per_hour(price, devices)
    return total


def cost_of(placements: Iterable[Placement], inventory: Inventory) -> Decimal | None:
    """Of all replicas at today's prices; None where a pool has none or is gone."""
    pools = inventory.pools
    return total_cost(
        (
            pools[placed.pool].price_per_device_hour if placed.pool in pools else None,
            placed.replicas * placed.devices_per_replica,
        )
        for placed in placements
    )
