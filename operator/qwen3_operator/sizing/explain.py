"""Plans and failures in words and numbers: the same text for status, condition, webhook and command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.sizing.text import counted, gigabytes, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.api.status import Placement, PlanStatus, Rejection
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.rating import Rated


def hardware(placement: Placement) -> str:
    """``2 x H100-SXM (pool h100-80gb-hbm3)``."""
    devices = f"{placement.devices_per_replica} x " if placement.resource_name else ""
    return f"{devices}{placement.accelerator} (pool {placement.pool})"


def parallelism(placement: Placement) -> str:
    """``, TP 8, EP 2``; nothing on CPU pools."""
    if not placement.resource_name:
        return ""
    parts = [f"TP {placement.tensor_parallel}"]
    parts += [f"EP {placement.expert_parallel}"] if placement.expert_parallel > 1 else []
    parts += [f"DP {placement.data_parallel}"] if placement.data_parallel > 1 else []
    return "".join(f", {part}" for part in parts)


def summary(wanted: Wanted, model: str, placements: Sequence[Placement], ratings: Sequence[Rated]) -> str:
    """The plan in one line per placement."""
    return "; ".join(_line(wanted, model, *pair) for pair in zip(placements, ratings, strict=True))


def _line(wanted: Wanted, model: str, placement: Placement, rating: Rated) -> str:
    memory = placement.memory
    holder = "per device" if placement.resource_name else "of the pod"
    requests = f"{counted(placement.max_concurrency, 'request')} of {rating.offer.request_tokens}"
    state = f" + {gigabytes(memory.state)} recurrent state" if memory.state else ""
    return (
        f"{model} {placement.quantization} on {hardware(placement)}{parallelism(placement)}: "
        f"{gigabytes(memory.weights)} weights + {gigabytes(memory.kv_cache)} KV cache "
        f"({thousands(placement.kv_cache_tokens)} tokens, {requests}){state} + "
        f"{gigabytes(memory.activations + memory.overhead)} reserve of {gigabytes(memory.total)} {holder}"
        f"{_speed(wanted, placement, rating)}"
    )


def _speed(wanted: Wanted, placement: Placement, rating: Rated) -> str:
    predicted = placement.predicted
    if predicted is None:
        return "; its speed is unknown, so whether spec.slo is met is too" if rating.doubtful else ""
    return (
        f"; at {counted(predicted.concurrency, 'request')} in flight first token after "
        f"{predicted.time_to_first_token}, {predicted.time_per_output_token} per token ({predicted.source}"
        f"{', assumed lengths' if wanted.traffic.assumed else ''})"
    )


def memory_lines(placement: Placement) -> list[str]:
    """Every part of a device's memory, one per line."""
    memory = placement.memory
    parts = [
        ("weights", memory.weights, ""),
        (
            "KV cache",
            memory.kv_cache,
            f"{thousands(placement.kv_cache_tokens)} tokens of {placement.kv_cache_data_type}",
        ),
        ("recurrent state", memory.state, ""),
        ("activations and graphs", memory.activations, "the engine's reserve"),
        ("driver and communication", memory.overhead, ""),
        ("free", memory.free, ""),
        ("total", memory.total, "per device" if placement.resource_name else "of the pod"),
    ]
    return [
        f"{name:<25}{gigabytes(count):>9}{f'  {note}' if note else ''}"
        for name, count, note in parts
        if count or name == "total"
    ]


def time_lines(placement: Placement) -> list[str]:
    """Predicted times under the load, one per line."""
    predicted = placement.predicted
    if predicted is None:
        return [f"no speed is known for {placement.accelerator}"]
    return [
        f"at {counted(predicted.concurrency, 'request')} in flight per replica ({predicted.source}):",
        f"time to first token      {predicted.time_to_first_token}",
        f"  at spec.slo.percentile {predicted.time_to_first_token_percentile}",
        f"time per output token    {predicted.time_per_output_token}",
        f"generated                {predicted.tokens_per_second} tokens/s per replica",
        f"most requests in flight  {predicted.max_concurrency} per replica within memory and spec.slo",
    ]


def details(plan: PlanStatus) -> list[str]:
    """A whole plan, line by line."""
    lines: list[str] = []
    for placement in plan.placements:
        lines.append(
            f"{counted(placement.replicas, 'replica')} of {plan.model} {placement.quantization} on "
            f"{hardware(placement)}{parallelism(placement)}"
        )
        lines += [f"  {line}" for line in (*memory_lines(placement), *time_lines(placement))]
        if placement.cost_per_hour:
            lines.append(f"  cost per hour            {placement.cost_per_hour}")
    if plan.binding:
        lines.append(f"bound by {plan.binding.constraint}: {plan.binding.message}")
    return lines + rejection_lines(plan.rejected, plan.rejected_counts)


def rejection_lines(rejected: Sequence[Rejection], counts: dict[str, int]) -> list[str]:
    """The nearest candidates that were not taken, and how many there were for each reason."""
    lines = [f"not taken: {found.candidate}: {found.reason}, {found.number}" for found in rejected]
    if counts:
        lines.append("all not taken: " + ", ".join(f"{count} {reason}" for reason, count in counts.items()))
    return lines
