"""Tokens per second of one replica, by the performance model and what was seen of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.performance.rates import TokenRates, shorter, token_rates
from qwen3_operator.reconcile.capacity import predicted_for
from qwen3_operator.reconcile.readings import Load
from qwen3_operator.sizing.needs import typical_request
from qwen3_operator.tenancy.routes import most_in_flight

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Capacity, Compared, Placement, PlanStatus
    from qwen3_operator.catalog import Catalog


def rates(
    plan: PlanStatus, placement: Placement, spec: DeploymentSpec, capacity: Capacity | None, catalog: Catalog
) -> TokenRates | None:
    """What one replica reads and writes per second with as many requests as it holds; None where no speed is known.

    Args:
        plan: The plan in force.
        placement: One of it.
        spec: For the lengths of typical requests.
        capacity: What the placement's engine said of itself; its latency corrects the model's.
        catalog: Constants of the performance model.
    """
    model = catalog.models.get(plan.model)
    inputs, outputs = typical_request(spec, generates=model is None or model.generates)
    clients = most_in_flight(placement, capacity)
    usual, with_shorter = (
        predicted_for(plan, placement, Load(1, 0.0, None, clients, length, outputs), catalog)
        for length in (inputs, shorter(inputs))
    )
    if usual is None or with_shorter is None:
        return None
    found = token_rates(inputs, outputs, usual, with_shorter)
    first = _slower(capacity.time_to_first_token_milliseconds if capacity else None)
    each = _slower(capacity.time_per_output_token_microseconds if capacity else None)
    return TokenRates(found.prompt / first, found.output / each)


def _slower(compared: Compared | None) -> float:
    """Times longer than predicted for the same load; 1 where that is not known."""
    return compared.found / compared.predicted if compared and compared.predicted and compared.found else 1.0
