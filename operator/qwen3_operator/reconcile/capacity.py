"""What one replica can do: predicted, then as its engine says, then as it was seen, each with the error. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.api.status import Capacity, CapacitySource, Compared
from qwen3_operator.performance import Layout, speeds
from qwen3_operator.performance import Load as AskedLoad

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.api.status import Placement, PlanStatus
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.performance import Speed
    from qwen3_operator.reconcile.readings import Load, Reading

NOTICEABLE = 0.05
"""Relative change of a found number below which the status stays as it is."""
_NUMBERS = (
    "kv_cache_tokens",
    "weight_bytes",
    "max_concurrency",
    "time_to_first_token_milliseconds",
    "time_per_output_token_microseconds",
)


def capacities(plan: PlanStatus | None, known: Iterable[Capacity], previous: Mapping[str, Any]) -> tuple[Capacity, ...]:
    """One entry per placement: what is known by now, else what was stored for the same plan, else the table's word."""
    if plan is None:
        return ()
    table = {place.pool: Capacity(pool=place.pool, source=CapacitySource.TABLE) for place in plan.placements}
    told = table | stored(plan, previous) | {capacity.pool: capacity for capacity in known}
    return tuple(told[pool] for pool in table)


def stored(plan: PlanStatus, previous: Mapping[str, Any]) -> dict[str, Capacity]:
    """By pool, what a status says beyond the table, where it is about the same plan."""
    if previous.get("plan", {}).get("summary") != plan.summary:
        return {}
    try:
        entries = [Capacity.model_validate(entry) for entry in previous.get("capacity", ())]
    except ValidationError:  # written by another version
        return {}
    return {entry.pool: entry for entry in entries if entry.source is not CapacitySource.TABLE}


def calibrated(placement: Placement, request_tokens: int, reading: Reading) -> Capacity:
    """With the memory that the engine found at its start.

    On CPUs its word on weights is left out: it is what the host's free memory fell by, where weights are page cache
    and neighbours come and go (39.7 MB of weights read as 3.8 and 12.8 MB).

    Args:
        placement: Where it runs.
        request_tokens: Prompt plus answer of the requests that the plan counts with.
        reading: Of the engine.
    """
    tokens, requests = reading.kv_cache_tokens, None
    weights = reading.weight_bytes if placement.device != "cpu" else 0
    if tokens and request_tokens:
        requests = tokens // request_tokens
        if placement.max_running_requests:
            requests = min(requests, placement.max_running_requests)
    return Capacity(
        pool=placement.pool,
        source=CapacitySource.CALIBRATED if tokens else CapacitySource.TABLE,
        kv_cache_tokens=compared(placement.kv_cache_tokens, tokens) if tokens else None,
        weight_bytes=compared(placement.memory.weights, weights) if weights else None,
        max_concurrency=None if requests is None else compared(placement.max_concurrency, requests),
    )


def observed(capacity: Capacity, load: Load, predicted: Speed | None) -> Capacity:
    """With the latency that was seen, beside what is predicted for the same load."""
    first = round(predicted.time_to_first_token * 1e3) if predicted else None
    each = round(predicted.time_per_output_token * 1e6) if predicted else None
    seen = load.output_token_seconds
    return capacity.model_copy(
        update={
            "source": CapacitySource.OBSERVED,
            "time_to_first_token_milliseconds": compared(first, round(load.first_token_seconds * 1e3)),
            "time_per_output_token_microseconds": None if seen is None else compared(each, round(seen * 1e6)),
            "running_requests": max(1, round(load.running)),
        }
    )


def predicted_for(plan: PlanStatus, placement: Placement, load: Load, catalog: Catalog) -> Speed | None:
    """The performance model's word on the load that was seen; None where it has none, e.g. for shares of devices."""
    model, accelerator = catalog.models.get(plan.model), catalog.accelerators.get(placement.accelerator)
    if model is None or accelerator is None or placement.device == "cpu":
        return None
    layout = Layout(
        model=model,
        accelerator=accelerator,
        quantization=Quantization(placement.quantization),
        engine=placement.engine,
        tensor_parallel=placement.tensor_parallel // placement.data_parallel,
        expert_parallel=placement.expert_parallel,
        data_parallel=placement.data_parallel,
        memory_bytes=placement.memory.total,
        kv_element_bytes=1 if placement.kv_cache_data_type == "FP8" else 2,
    )
    asked = AskedLoad(load.prompt_tokens, load.answer_tokens, max(1.0, load.running), placement.kv_cache_tokens)
    return speeds([(layout, asked)], catalog.performance)[0]


def is_news(before: Capacity | None, after: Capacity) -> bool:
    """Whether the status should say so: another source, or a number that moved by more than a twentieth."""
    if before is None or before.source is not after.source:
        return True
    return any(_moved(getattr(before, name), getattr(after, name)) for name in _NUMBERS)


def compared(predicted: int | None, found: int) -> Compared:
    """Both numbers, and how far the prediction is off."""
    if predicted is None or not found:
        return Compared(predicted=predicted, found=found)
    return Compared(predicted=predicted, found=found, error=f"{(predicted - found) / found:+.1%}")


def _moved(before: Compared | None, after: Compared | None) -> bool:
    if before is None or after is None:
        return before is not after
    return before.predicted != after.predicted or abs(after.found - before.found) > NOTICEABLE * abs(before.found)
