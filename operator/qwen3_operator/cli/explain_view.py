"""A live deployment's status as tables: plan, what it turned out to be, conditions, alternatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from qwen3_operator.api.status import ConditionStatus, ConditionType
from qwen3_operator.cli.explain_startup import startup_table
from qwen3_operator.cli.plan_view import plan_parts, rejected_part
from qwen3_operator.cli.tables import INDENT, plain_table
from qwen3_operator.sizing import spec_digest
from qwen3_operator.sizing.text import gigabytes, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Capacity, Condition, DeploymentStatus, PlanStatus, Prefetch

_MEASURES: tuple[tuple[str, str, Callable[[int], str]], ...] = (
    ("weight_bytes", "weights per device", gigabytes),
    ("kv_cache_tokens", "KV cache, tokens", str),
    ("max_concurrency", "requests at a time", str),
    ("time_to_first_token_milliseconds", "first token, mean", lambda value: milliseconds(value / 1e3)),
    ("time_per_output_token_microseconds", "per output token, mean", lambda value: milliseconds(value / 1e6)),
)
"""Field of Capacity, what people call it, how its numbers are written."""


def explained(name: str, spec: DeploymentSpec, status: DeploymentStatus, nearest: int) -> list[RenderableType]:
    """Why the deployment is where it is."""
    parts: list[RenderableType] = [
        Text.assemble((f"{name}: {_readiness(status)}", "bold"), f", {status.url}" if status.url else "")
    ]
    if status.plan and (ahead := _ahead(status.plan, spec, status.conditions)):
        parts.append(Text(ahead, "bold yellow"))
    if status.plan:
        parts += plan_parts(status.plan, spec)
    if outdated := _outdated(status.conditions):
        parts += [Text(), Text.assemble(("A better plan exists: ", "bold yellow"), outdated)]
    if status.startup:
        steps = startup_table(status.startup, status.conditions)
        parts += [Text(), Text("Start-up of the first pod", "bold"), Padding(steps, INDENT)]
    if status.prefetch:
        parts += [Text(), _prefetch(status.prefetch)]
    for found in status.capacity:
        parts += [Text(), *_capacity(found)]
    parts += [Text(), Text("Conditions", "bold"), Padding(_conditions(status.conditions), INDENT)]
    if status.plan:
        parts += rejected_part(status.plan.rejected[:nearest], status.plan.rejected_counts)
    return parts


def _readiness(status: DeploymentStatus) -> str:
    """Who serves, and while pods are replaced how many are new."""
    if not status.ready:
        return "not planned"
    rolls = status.updated_replicas != status.ready_replicas
    return f"{status.ready} ready" + (f" ({status.updated_replicas} up to date)" if rolls else "")


def _ahead(plan: PlanStatus, spec: DeploymentSpec, conditions: Iterable[Condition]) -> str:
    """That the plan in force was made for an older spec, and what became of the newer one."""
    if plan.spec_digest == spec_digest(spec):
        return ""
    planned = next((found for found in conditions if found.type == ConditionType.PLANNED), None)
    if planned and planned.status is ConditionStatus.FALSE:
        return f"The spec has changed and has no plan ({planned.reason}, below): this is the plan of the spec before"
    return "The spec has changed and is not planned yet: this is the plan of the spec before"


def _outdated(conditions: Iterable[Condition]) -> str:
    for found in conditions:
        if found.type == ConditionType.PLAN_OUTDATED and found.status is ConditionStatus.TRUE:
            return f"{found.message} (kubectl qwen3 replan takes it)"
    return ""


def _prefetch(found: Prefetch) -> Text:
    share = f"{found.ready} of {found.nodes} {'node has' if found.nodes == 1 else 'nodes have'} the model"
    return Text.assemble(("Fetched ahead: ", "bold"), share)


def _capacity(found: Capacity) -> list[RenderableType]:
    table = plain_table("one replica", "predicted", "found", "error", right=("predicted", "found", "error"))
    for field, label, written in _MEASURES:
        measure = getattr(found, field)
        if measure is not None:
            predicted = "" if measure.predicted is None else written(measure.predicted)
            table.add_row(label, predicted, written(measure.found), measure.error)
    title = Text.assemble((f"Capacity in pool {found.pool}: ", "bold"), found.source)
    if found.running_requests:
        title.append(f", latency seen with {found.running_requests} requests in flight")
    return [title, Padding(table, INDENT)] if table.row_count else [title]


def _conditions(conditions: Sequence[Condition]) -> Table:
    table = plain_table("condition", "status", "reason", "since", "message")
    for found in conditions:
        table.add_row(found.type, found.status, found.reason, found.last_transition_time, found.message)
    return table
