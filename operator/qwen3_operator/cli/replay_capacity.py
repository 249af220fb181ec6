"""What one replica can do, for a replay: in words, or from the plan of a Qwen3Deployment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.cli.errors import InputError
from qwen3_operator.inventory import Demand
from qwen3_operator.reconcile.capacity import predicted_for
from qwen3_operator.reconcile.readings import Load
from qwen3_operator.scaling import Capacity

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Placement
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.cli.answers import Answer
    from qwen3_operator.cli.source import Source
    from qwen3_operator.performance import Speed

MOST = 1000
"""Replicas where nothing limits them."""
_INPUT, _OUTPUT = 1024, 512
"""Typical request where the spec names none, as the planner's."""
_LEAST = 1e-6
"""Seconds: no part of a request is free."""
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


def of_plan(answer: Answer, known: Source, startup: float) -> list[Capacity]:
    """One capacity per placement of a plan, as the performance model predicts it at the targets.

    There is room for what the hardware holds. Without a price for each placement the devices count.

    Raises:
        InputError: nothing fits, or no speed is known for a placement.
    """
    plan, document = answer.found, answer.document
    if not isinstance(plan, PlanStatus):
        raise InputError(f"{document.name} does not fit ({plan.reason}): {plan.message}")
    pools = known.snapshot.inventory(known.catalog, document.key).pools
    priced = all(placement.cost_per_hour for placement in plan.placements)
    found: list[Capacity] = []
    for placement in plan.placements:
        usual, shorter, alone = _speeds(plan, placement, document.spec, known.catalog)
        inputs, outputs = _typical(document.spec)
        seconds = outputs / usual.output_tokens_per_second
        spared = seconds - outputs / shorter.output_tokens_per_second
        prompt = max(_LEAST, spared * inputs / max(1, inputs - inputs // 2))
        cost = float(placement.cost_per_hour) / placement.replicas if priced else placement.devices_per_replica
        found.append(
            Capacity(
                placement=placement.pool,
                input_tokens_per_second=inputs / prompt,
                output_tokens_per_second=outputs / max(_LEAST, seconds - prompt),
                startup_seconds=startup,
                available=pools[placement.pool].room(Demand.of(placement)),
                price_per_hour=cost,
                first_token_seconds=alone.time_to_first_token,
                output_token_seconds=alone.time_per_output_token,
            )
        )
    return found


def _speeds(plan: PlanStatus, placement: Placement, spec: DeploymentSpec, catalog: Catalog) -> list[Speed]:
    """Of typical requests, of such with half the prompt, and of one alone: what a prompt costs is the difference."""
    inputs, outputs = _typical(spec)
    clients = placement.predicted.max_concurrency if placement.predicted else 0
    if clients < 1:
        raise InputError(
            f"no speed is known for {plan.model} {placement.quantization} on {placement.accelerator}, or a single "
            "request misses the targets there: say --capacity"
        )
    asked = ((inputs, clients), (max(1, inputs // 2), clients), (inputs, 1))
    loads = [Load(1, 0.0, None, count, length, outputs) for length, count in asked]
    found = [predicted_for(plan, placement, load, catalog) for load in loads]
    known = [speed for speed in found if speed is not None]
    if len(known) < len(loads):
        raise InputError(f"no speed is known for {plan.model} on {placement.accelerator}: say --capacity")
    return known


def _typical(spec: DeploymentSpec) -> tuple[int, int]:
    """Prompt and answer of a typical request, in tokens."""
    load = spec.workload
    return (
        load.input_tokens.typical if load.input_tokens else _INPUT,
        load.output_tokens.typical if load.output_tokens else _OUTPUT,
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
