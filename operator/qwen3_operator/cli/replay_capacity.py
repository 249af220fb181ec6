"""What one replica can do, for a replay: in words, or from the plan of a Qwen3Deployment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.cli.errors import InputError
from qwen3_operator.reconcile.capacity import predicted_for
from qwen3_operator.reconcile.readings import Load
from qwen3_operator.scaling import Capacity

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Placement
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.cli.answers import Answer

MOST = 1000
"""Replicas where nothing limits them."""
_INPUT, _OUTPUT = 1024, 512
"""Typical request where the spec names none, as the planner's."""
_WORDS = re.compile(
    r"(?P<name>[^=]+)=(?P<input>[0-9.]+)/(?P<output>[0-9.]+)(?:\s*@(?P<price>[0-9.]+))?(?:\s*x(?P<most>[0-9]+))?"
)


def in_words(text: str, startup: float) -> Capacity:
    """A capacity such as ``h100=24000/4000@2.50 x8``.

    Raises:
        InputError: it is not of that form.
    """
    found = _WORDS.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError("not of the form NAME=INPUT/OUTPUT[@PRICE][ xMOST]")  # noqa: TRY301  # one message for both
        return Capacity(
            placement=found["name"].strip(),
            input_tokens_per_second=float(found["input"]),
            output_tokens_per_second=float(found["output"]),
            startup_seconds=startup,
            available=int(found["most"] or MOST),
            price_per_hour=float(found["price"] or 1),
        )
    except ValueError as error:
        raise InputError(f"--capacity {text!r}: {error}; e.g. 'h100=24000/4000@2.50 x8'") from error


def of_plan(answer: Answer, catalog: Catalog, startup: float, most: int) -> list[Capacity]:
    """One capacity per placement of a plan, as the performance model predicts it at the targets.

    Raises:
        InputError: nothing fits, or no speed is known for a placement.
    """
    plan = answer.found
    if not isinstance(plan, PlanStatus):
        raise InputError(f"{answer.document.name} does not fit ({plan.reason}): {plan.message}")
    return [
        _of(plan, placement, answer.document.spec, catalog, startup=startup, most=most) for placement in plan.placements
    ]


def _of(
    plan: PlanStatus, placement: Placement, spec: DeploymentSpec, catalog: Catalog, *, startup: float, most: int
) -> Capacity:
    inputs = spec.workload.input_tokens.typical if spec.workload.input_tokens else _INPUT
    outputs = spec.workload.output_tokens.typical if spec.workload.output_tokens else _OUTPUT
    clients = placement.predicted.max_concurrency if placement.predicted else 0
    if clients < 1:
        raise InputError(
            f"no speed is known for {plan.model} {placement.quantization} on {placement.accelerator}, or a single "
            "request misses the targets there: say --capacity"
        )
    # Two mixes give the two prices of a request: of its prompt, and of its answer.
    asked = ((inputs, clients), (2 * inputs, clients), (inputs, 1))
    loads = [Load(1, 0.0, None, count, length, outputs) for length, count in asked]
    answers = (predicted_for(plan, placement, load, catalog) for load in loads)
    found = [speed for speed in answers if speed is not None]
    if len(found) < len(loads):
        raise InputError(f"no speed is known for {plan.model} on {placement.accelerator}: say --capacity")
    usual, longer, alone = found
    seconds = outputs / usual.output_tokens_per_second
    prompt = max(1e-6, outputs / longer.output_tokens_per_second - seconds)
    return Capacity(
        placement=placement.pool,
        input_tokens_per_second=inputs / prompt,
        output_tokens_per_second=outputs / max(1e-6, seconds - prompt),
        startup_seconds=startup,
        available=most,
        price_per_hour=float(placement.cost_per_hour or 0) / placement.replicas or 1.0,
        first_token_seconds=alone.time_to_first_token,
        output_token_seconds=alone.time_per_output_token,
    )


def cheapest_first(capacities: list[Capacity]) -> tuple[Capacity, ...]:
    """By the price of a token in and a token out; the first is the unit of the replay.

    Raises:
        InputError: two have the same name.
    """
    names = [one.placement for one in capacities]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"--capacity: {min(twice)!r} occurs twice")
    return tuple(sorted(capacities, key=lambda one: one.price_per_hour * one.work(1, 1)))
