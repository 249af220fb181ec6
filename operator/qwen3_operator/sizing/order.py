"""Which of two candidates comes first: the objective, then fewer devices, then a stable order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.api.intent import Objective
from qwen3_operator.sizing.cost import NOTHING, cost_per_hour
from qwen3_operator.sizing.timing import request_seconds

if TYPE_CHECKING:
    from decimal import Decimal

    from qwen3_operator.inventory import Pool
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.rating import Rated

Order = tuple[Any, ...]


def option_order(wanted: Wanted, rating: Rated) -> Order:
    """Order among the options of one kind of device, whose devices all have one price."""
    return _order(wanted, rating, None, NOTHING)


def candidate_order(wanted: Wanted, rating: Rated, pool: Pool) -> Order:
    """Order among candidates of all pools."""
    price = pool.price_per_device_hour
    return (*_order(wanted, rating, price, cost_per_hour(price, rating.devices)), pool.name)


def part_order(wanted: Wanted, rating: Rated, pool: Pool) -> Order:
    """Order in which pools are filled when none carries the load alone: by what a unit of load costs."""
    if wanted.traffic.replicas is not None or wanted.objective is not Objective.COST:
        return candidate_order(wanted, rating, pool)
    price = pool.price_per_device_hour
    per_unit = rating.shape.devices / max(rating.unit, 1e-9)
    cost = float(price) * per_unit if price is not None else 0.0
    return (rating.kind.on_cpu, rating.doubtful, price is None, cost, per_unit, *candidate_order(wanted, rating, pool))


def _order(wanted: Wanted, rating: Rated, price: Decimal | None, cost: Decimal) -> Order:
    """CPU last, then what is sure to meet the targets, then the objective, then cost, quality and the smallest."""
    speed = rating.speed
    time = request_seconds(speed, wanted.traffic) if speed else 0.0
    accelerator = rating.kind.accelerator
    goal: Order = ()
    if wanted.objective is Objective.LATENCY:
        goal = (speed is None, time)
    elif wanted.objective is Objective.QUALITY:
        goal = rating.offer.quality
    return (
        rating.kind.on_cpu,
        rating.doubtful,
        *goal,
        price is None,
        cost,
        rating.devices,
        rating.is_split,
        rating.offer.quality,
        rating.shape.devices,
        accelerator.device == "npu",
        rating.kind.memory_bytes,
        rating.shape,
    )
