"""What one replica of each placement does, for ``decide``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.performance.rates import shorter, token_rates
from qwen3_operator.reconcile.capacity import predicted_for
from qwen3_operator.reconcile.readings import Load
from qwen3_operator.scaling import Capacity
from qwen3_operator.sizing.needs import typical_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Placement, PlanStatus
    from qwen3_operator.autoscale.correction import Correction
    from qwen3_operator.catalog import Catalog

STARTUP_SECONDS = 180.0
"""Of a placement of which no pod became ready yet: public reports of large models are between one and ten minutes."""


class Rates(NamedTuple):
    """Of one replica within the targets."""

    input_tokens_per_second: float
    output_tokens_per_second: float
    first_token_seconds: float = 0.0
    """Of a request alone; 0 where it is not known."""
    output_token_seconds: float = 0.0


class Room(NamedTuple):
    """What there is of a placement's pool."""

    replicas: int
    """Most that quota and devices allow, those that run included."""
    price: float | None
    """Of a replica, per hour."""
    quota: str = ""
    """The ResourceQuota that allows no more, in words; empty where it is devices that are missing."""


class CapacityUnknown(Exception):  # noqa: N818 - an answer, for a condition
    """No speed is known for a placement."""


def predicted_rates(plan: PlanStatus, placement: Placement, spec: DeploymentSpec, catalog: Catalog) -> Rates | None:
    """By the performance model at the largest concurrency that keeps the targets; None where it has no word."""
    inputs, outputs = request_of(spec, plan, catalog)
    clients = placement.predicted.max_concurrency if placement.predicted else 0
    if clients < 1:
        return None
    asked = ((inputs, clients), (shorter(inputs), clients), (inputs, 1))
    found = [
        predicted_for(plan, placement, Load(1, 0.0, None, count, length, outputs), catalog) for length, count in asked
    ]
    known = [speed for speed in found if speed is not None]
    if len(known) < len(asked):
        return None
    usual, with_shorter, alone = known
    rates = token_rates(inputs, outputs, usual, with_shorter)
    return Rates(rates.prompt, rates.output, alone.time_to_first_token, alone.time_per_output_token)


def request_of(spec: DeploymentSpec, plan: PlanStatus, catalog: Catalog) -> tuple[int, int]:
    """Tokens of a typical request's prompt and answer."""
    model = catalog.models.get(plan.model)
    return typical_request(spec, generates=model is None or model.generates)


def capacities(
    spec: DeploymentSpec,
    plan: PlanStatus,
    catalog: Catalog,
    *,
    startup: Mapping[str, float],
    corrections: Mapping[str, Correction],
    rooms: Mapping[str, Room],
) -> tuple[Capacity, ...]:
    """One per placement of the plan.

    Args:
        spec: Of the deployment.
        plan: In force.
        catalog: That speeds are predicted with.
        startup: Seconds from a pod's creation to its readiness, by pool, as measured.
        corrections: Of predicted speeds, by pool; what the spec states counts as it is.
        rooms: By pool. A placement without one may not grow.

    Raises:
        CapacityUnknown: the performance model knows nothing of a placement, and the spec does not say it.
    """
    stated = spec.scaling.replica_capacity
    priced = all((room := rooms.get(placement.pool)) and room.price for placement in plan.placements)
    found: list[Capacity] = []
    for placement in plan.placements:
        rates = (
            Rates(stated.input_tokens_per_second, stated.output_tokens_per_second)
            if stated
            else predicted_rates(plan, placement, spec, catalog)
        )
        correction = corrections.get(placement.pool)
        factor = 1.0 if stated or correction is None else correction.factor
        if rates is None:
            raise CapacityUnknown(
                f"no speed is known for {plan.model} {placement.quantization} on {placement.accelerator} (pool "
                f"{placement.pool}): set spec.scaling.replicaCapacity"
            )
        room = rooms.get(placement.pool)
        price = room.price if priced and room and room.price else float(placement.devices_per_replica)
        found.append(
            Capacity(
                placement=placement.pool,
                input_tokens_per_second=rates.input_tokens_per_second * factor,
                output_tokens_per_second=rates.output_tokens_per_second * factor,
                startup_seconds=startup.get(placement.pool, STARTUP_SECONDS),
                available=room.replicas if room else placement.replicas,
                price_per_hour=price,
                quota=room.quota if room else "",
                first_token_seconds=rates.first_token_seconds,
                output_token_seconds=rates.output_token_seconds,
            )
        )
    return tuple(found)
