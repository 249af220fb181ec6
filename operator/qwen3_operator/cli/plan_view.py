"""A plan, or the lack of one, as tables for a terminal."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.bar import Bar
from rich.padding import Padding
from rich.text import Text

from qwen3_operator.cli.tables import INDENT, plain_table
from qwen3_operator.sizing.explain import over_nodes, unjudged, unknown_speed
from qwen3_operator.sizing.needs import ASSUMED_INPUT_TOKENS, ASSUMED_OUTPUT_TOKENS
from qwen3_operator.sizing.text import counted, gigabytes, money, thousands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.intent import ServiceLevel, Workload
    from qwen3_operator.api.status import MemoryPlan, Placement, PlanStatus, Predicted, Rejection

_BAR_WIDTH = 44
_HOUR = 3600
_CALCULATED = "calculated"
"""How times at a percentile are known, and what is found from them: the measured rows hold means only."""
_NOTHING = 1000
"""A part of the memory that is no line of its own."""
MEMORY_LINES = (
    ("weights", "weights", "bright_blue"),
    ("adapters", "LoRA adapters", "magenta"),
    ("kv_cache", "KV cache", "green"),
    ("state", "recurrent state", "cyan"),
    ("activations", "engine reserve", "yellow"),
    ("overhead", "driver, processes", "red"),
    ("free", "free", "bright_black"),
)
"""Field of MemoryPlan, what people call it, its colour."""


def plan_parts(plan: PlanStatus, spec: DeploymentSpec) -> list[RenderableType]:
    """The choice: one block per placement, then what binds it."""
    parts: list[RenderableType] = [_headline(plan)]
    for placement in plan.placements:
        parts += [Text(), _placed(placement), Text(), _memory(placement), Text(), _time(placement, spec.slo)]
    if plan.binding:
        parts += [Text(), Text.assemble(("Binding: ", "bold"), f"{plan.binding.constraint}: {plan.binding.message}")]
    if assumed := _assumed(plan, spec.workload):
        parts += [Text(), Text.assemble(("Assumed: ", "bold"), assumed)]
    return parts


def _assumed(plan: PlanStatus, workload: Workload) -> str:
    """Lengths that the spec does not say, which may make the plan dearer than it has to be."""
    writes = any(found.predicted and found.predicted.tokens_per_second for found in plan.placements)
    if workload.input_tokens is not None and (workload.output_tokens is not None or not writes):
        return ""
    lacks = "lengths" if workload.input_tokens is None else "outputTokens"
    times = [f"{ASSUMED_INPUT_TOKENS} tokens in"] if workload.input_tokens is None else []
    times += [f"{ASSUMED_OUTPUT_TOKENS} out"] if writes else []
    judged = f", times for {' and '.join(times)}" if times else ""
    memory = f"memory is for requests of all {plan.context_length} tokens of the context"
    return f"spec.workload says no {lacks}: {memory}{judged}"


def rejected_part(rejected: Sequence[Rejection], counts: Mapping[str, int]) -> list[RenderableType]:
    """Candidates that were not taken, one line each, and how many there are of each kind."""
    if not rejected:
        return []
    total = sum(counts.values())
    title = f"Not taken: the nearest {len(rejected)} of {total}" if total > len(rejected) else f"Not taken: all {total}"
    table = plain_table("candidate", "reason", "number")
    for found in rejected:
        table.add_row(found.candidate, found.reason, found.number)
    parts: list[RenderableType] = [Text(), Text(title, "bold"), Padding(table, INDENT)]
    if total > len(rejected):
        by_reason = ", ".join(
            f"{count} {reason}" for reason, count in sorted(counts.items(), key=lambda pair: -pair[1])
        )
        parts.append(Padding(Text(f"by reason: {by_reason}", "dim"), INDENT))
    return parts


def _headline(plan: PlanStatus) -> Text:
    replicas = sum(placement.replicas for placement in plan.placements)
    formats = " and ".join(sorted({placement.quantization for placement in plan.placements}))
    cost = f", {plan.cost_per_hour} per hour" if plan.cost_per_hour else ""
    return Text.assemble(
        (f"{plan.model} {formats}", "bold green"),
        f", context {plan.context_length}, {counted(replicas, 'replica')}{cost}",
    )


def _placed(placement: Placement) -> Text:
    on_cpu = not placement.resource_name
    devices = "" if on_cpu else f"{placement.devices_per_replica} x "
    shape = [] if on_cpu else [f"TP {placement.tensor_parallel}"]
    shape += [f"EP {placement.expert_parallel}"] if placement.expert_parallel > 1 else []
    shape += [f"DP {placement.data_parallel}"] if placement.data_parallel > 1 else []
    shape += [counted(placement.nodes, "node")] if placement.nodes > 1 else []
    cost = [f"{placement.cost_per_hour} per hour"] if placement.cost_per_hour else []
    replicas = f"{counted(placement.replicas, 'replica')} of {devices}{placement.accelerator}"
    rest = [f"pool {placement.pool}", placement.quantization, *shape, *cost]
    return Text.assemble((replicas, "bold"), f", {', '.join(rest)}")


def _memory(placement: Placement) -> Padding:
    memory = placement.memory
    holder = "memory per device" if placement.resource_name else "memory of the pod"
    total = gigabytes(memory.total)
    table = plain_table(holder, total, right=(total,))
    table.add_column("", width=_BAR_WIDTH)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    begin = 0
    for field, label, colour in MEMORY_LINES:
        size: int = getattr(memory, field)
        if not size or (field == "free" and size < memory.total / _NOTHING):
            continue
        bar = Bar(memory.total, begin, begin + size, width=_BAR_WIDTH, color=colour)
        begin += size
        note = _kv_note(placement) if field == "kv_cache" else ""
        table.add_row(label, gigabytes(size), bar, _share(size, memory), note)
    if split := placement.offload:
        layers = f"{split.layers - split.device_layers} of {split.layers} layers"
        table.add_row("on the host", gigabytes(split.host_memory), "", "", layers)
    return Padding(table, INDENT)


def _share(size: int, memory: MemoryPlan) -> str:
    return f"{100 * size / memory.total:.0f} %"


def _kv_note(placement: Placement) -> str:
    return f"{thousands(placement.kv_cache_tokens)} tokens, {counted(placement.max_concurrency, 'request')}"


def _time(placement: Placement, wanted: ServiceLevel) -> Padding:
    predicted = placement.predicted
    if predicted is None:
        if wanted.asked:
            return Padding(Text(unjudged(placement.accelerator + over_nodes(placement.nodes)), "bold yellow"), INDENT)
        return Padding(Text(unknown_speed(placement)), INDENT)
    load = f"with {counted(predicted.concurrency, 'request')} in flight"
    numbers = ("predicted", "target", "known")
    table = plain_table(load, *numbers, right=numbers)
    first = f"first token, {wanted.percentile} % of requests within"
    if predicted.tokens_per_second is None:
        return Padding(_without_answer(table, predicted, wanted), INDENT)
    rows = (
        ("first token, mean", predicted.time_to_first_token, "", predicted.source),
        (first, predicted.time_to_first_token_percentile, wanted.time_to_first_token or "", _CALCULATED),
        ("per output token", predicted.time_per_output_token, wanted.time_per_output_token or "", predicted.source),
        ("tokens per second, replica", str(predicted.tokens_per_second), "", predicted.source),
        (_most(wanted), str(predicted.max_concurrency), "", _CALCULATED),
    )
    for row in rows:
        table.add_row(*row)
    if cost := _million_tokens(placement, predicted):
        table.add_row("cost of a million generated tokens", cost, "", predicted.source)
    return Padding(table, INDENT)


def _without_answer(table: Table, predicted: Predicted, wanted: ServiceLevel) -> Table:
    """Of models that embed or rank texts: the first token is the whole result."""
    within, target = f"request, {wanted.percentile} % of requests within", wanted.time_to_first_token or ""
    table.add_row("request, mean", predicted.time_to_first_token, "", predicted.source)
    table.add_row(within, predicted.time_to_first_token_percentile, target, _CALCULATED)
    table.add_row("input tokens per second, replica", str(predicted.input_tokens_per_second), "", predicted.source)
    table.add_row(_most(wanted), str(predicted.max_concurrency), "", _CALCULATED)
    return table


def _most(wanted: ServiceLevel) -> str:
    return "most requests in flight within targets" if wanted.asked else "most requests in flight"


def _million_tokens(placement: Placement, predicted: Predicted) -> str:
    """Price of a million tokens while all replicas run with that many requests; empty without a price."""
    per_second = (predicted.tokens_per_second or 0) * placement.replicas
    if not placement.cost_per_hour or not per_second:
        return ""
    return money(Decimal(placement.cost_per_hour) / (per_second * _HOUR) * 1_000_000)
