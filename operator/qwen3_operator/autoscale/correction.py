"""What a replica does beside its prediction, as it is taken by decisions: it moves rarely, and not far. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.status import Placement, PlanStatus

NOTICEABLE = 0.1
"""Relative change from which on a new pace is taken: smaller ones would move replicas for nothing."""


class Correction(NamedTuple):
    """Of one placement."""

    shape: str
    """Of the replicas that it was seen on; another shape begins at 1."""
    factor: float = 1.0


def corrections(
    plan: PlanStatus, before: Mapping[str, Correction], paces: Mapping[str, float]
) -> dict[str, Correction]:
    """By pool, for the plan's placements.

    Args:
        plan: In force.
        before: In force until now.
        paces: Speed that was seen over the predicted one, by pool; what nobody asked stays as it was.
    """
    found: dict[str, Correction] = {}
    for placement in plan.placements:
        shape, pool = _shape(plan, placement), placement.pool
        old = before.get(pool)
        factor = old.factor if old is not None and old.shape == shape else 1.0
        pace = paces.get(pool, factor)
        found[pool] = Correction(shape, pace if abs(pace / factor - 1) >= NOTICEABLE else factor)
    return found


def _shape(plan: PlanStatus, placement: Placement) -> str:
    parallel = f"{placement.tensor_parallel}/{placement.expert_parallel}/{placement.data_parallel}"
    names = (plan.model, placement.quantization, placement.kv_cache_data_type, placement.engine, placement.accelerator)
    return " ".join((*names, parallel))
