"""Tokens per second of one replica, by the performance model and what was seen of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.reconcile.capacity import predicted_for
from qwen3_operator.reconcile.readings import Load
from qwen3_operator.tenancy.routes import most_in_flight
from qwen3_operator.tenancy.served import Rates

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Capacity, Compared, Placement, PlanStatus
    from qwen3_operator.catalog import Catalog

_INPUT, _OUTPUT = 1024, 512
"""Typical request where the spec names none, as the planner's."""
_LEAST = 1e-6
"""Seconds: no part of a request is free."""


def rates(
    plan: PlanStatus, placement: Placement, spec: DeploymentSpec, capacity: Capacity | None, catalog: Catalog
) -> Rates | None:
    """What one replica reads and writes per second with as many requests as it holds; None where no speed is known.

    What a prompt costs is the difference between typical requests and such with half the prompt.

    Args:
        plan: The plan in force.
        placement: One of it.
        spec: For the lengths of typical requests.
        capacity: What the placement's engine said of itself; its latency corrects the model's.
        catalog: Constants of the performance model.
    """
    load = spec.workload
    inputs = load.input_tokens.typical if load.input_tokens else _INPUT
    outputs = load.output_tokens.typical if load.output_tokens else _OUTPUT
    clients = most_in_flight(placement, capacity)
    whole, half = (
        predicted_for(plan, placement, Load(1, 0.0, None, clients, length, outputs), catalog)
        for length in (inputs, max(1, inputs // 2))
    )
    if whole is None or half is None:
        return None
    seconds = outputs / whole.output_tokens_per_second
    spared = seconds - outputs / half.output_tokens_per_second
    prompt = max(_LEAST, spared * inputs / max(1, inputs - inputs // 2))
    first = _slower(capacity.time_to_first_token_milliseconds if capacity else None)
    each = _slower(capacity.time_per_output_token_microseconds if capacity else None)
    return Rates(inputs / prompt / first, outputs / max(_LEAST, seconds - prompt) / each)


def _slower(compared: Compared | None) -> float:
    """Times longer than predicted for the same load; 1 where that is not known."""
    return compared.found / compared.predicted if compared and compared.predicted and compared.found else 1.0
