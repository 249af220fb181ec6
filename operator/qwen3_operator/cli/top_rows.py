"""One deployment of the fleet as ``top`` shows it. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.deployment import Qwen3Deployment
from qwen3_operator.cli.short import ago, count
from qwen3_operator.cli.tables import plain_table
from qwen3_operator.cli.top_series import Numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from qwen3_operator.api.decision import Decision
    from qwen3_operator.api.status import DeploymentStatus
    from qwen3_operator.autoscale.samples import Place

_NUMBERS = ("READY", "RUNNING", "WAITING", "TTFT P95", "TOKENS/S", "KV")


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment now."""

    namespace: str
    name: str
    ready: str
    """Of wanted replicas."""
    numbers: Numbers
    first_token_target: float | None
    """Seconds, of spec.slo."""
    decision: str
    """Of the autoscaler: what it decided last, or why it cannot; empty where it is off."""
    decided_at: str | None
    change: str
    """The last change of replicas."""
    changed_at: str | None


def row(raw: Mapping[str, Any], known: Mapping[Place, Numbers]) -> Row:
    """The row of a deployment.

    Raises:
        pydantic.ValidationError: it was written by another version.
    """
    found = Qwen3Deployment.model_validate(raw)
    status, metadata = found.status, raw["metadata"]
    place = (str(metadata["namespace"]), str(metadata["name"]))
    newest = status.decisions[0] if status.decisions else None
    return Row(
        *place,
        ready=status.ready,
        numbers=known.get(place, Numbers()),
        first_token_target=found.spec.slo.first_token_seconds,
        decision=_decided(status),
        decided_at=status.decision.at if status.decision else None,
        change=f"{newest.before} -> {newest.after}" if newest else "",
        changed_at=newest.at if newest else None,
    )


def table(rows: Sequence[Row], now: datetime) -> Table:
    """One line for each."""
    made = plain_table("NAMESPACE", "NAME", *_NUMBERS, "DECISION", "LAST CHANGE", right=_NUMBERS)
    for one in rows:
        seen = one.numbers
        made.add_row(
            one.namespace,
            one.name,
            one.ready or "-",
            _count(seen.running),
            _count(seen.waiting),
            _late(seen.first_token_seconds, one.first_token_target),
            _count(seen.tokens_per_second),
            "-" if seen.kv_cache is None else f"{seen.kv_cache:.0%}",
            _when(one.decision, one.decided_at, now),
            _when(one.change, one.changed_at, now),
        )
    return made


def as_json(one: Row) -> dict[str, Any]:
    """For programs; what is not known is null."""
    return {
        "namespace": one.namespace,
        "name": one.name,
        "ready": one.ready,
        **{_camel(name): value for name, value in asdict(one.numbers).items()},
        "firstTokenTarget": one.first_token_target,
        "decision": one.decision or None,
        "decidedAt": one.decided_at,
        "change": one.change or None,
        "changedAt": one.changed_at,
    }


def _decided(status: DeploymentStatus) -> str:
    """In the words of status.decision and of the condition Autoscaling."""
    condition = next((one for one in status.conditions if one.type == "Autoscaling"), None)
    if condition is None:
        return ""
    if status.decision is None or condition.status == "False":
        return condition.reason
    words = _ruled(status.decision)
    return words if condition.reason in {"Deciding", "ManualHold", "Asleep"} else f"{condition.reason}, {words}"


def _ruled(decision: Decision) -> str:
    schedules = decision.bounds.schedules if decision.bounds else ()
    beside = ", ".join((*decision.stopped, *(f'"{name}"' for name in schedules)))
    return f"{decision.rule}: {sum(decision.granted.values())}" + (f" ({beside})" if beside else "")


def _late(seconds: float | None, target: float | None) -> str:
    """Seconds, and the target that they should stay below."""
    found = "-" if seconds is None else f"{seconds:.2f}s"
    return found if target is None else f"{found}/{target:g}s"


def _when(words: str, at: str | None, now: datetime) -> str:
    if not words:
        return "-"
    return words if at is None else f"{words}, {ago(now - datetime.fromisoformat(at))}"


def _count(number: float | None) -> str:
    return "-" if number is None else count(number)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
