"""``tenants``: what each tenant of the gateway uses of its limits."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from qwen3_operator.api.tenant import KIND, Qwen3Tenant, TenantUsage
from qwen3_operator.cli import options
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.output import Format, dump, show
from qwen3_operator.cli.short import ago, count
from qwen3_operator.cli.tables import plain_table
from qwen3_operator.cli.where import Where

if TYPE_CHECKING:
    from qwen3_operator.cli.cluster import Cluster

_LIMITS = {
    "REQUESTS/MIN": "requestsPerMinute",
    "INPUT/MIN": "inputTokensPerMinute",
    "OUTPUT/MIN": "outputTokensPerMinute",
    "AT ONCE": "concurrentRequests",
    "DAY": "tokensPerDay",
    "MONTH": "tokensPerMonth",
}
"""Heading to the field of spec.limits or spec.quota."""

_OTHER = "; they lie in the operator's, which -n names, e.g. -n qwen3-system"


@command
def tenants(
    *,
    name: Annotated[str | None, typer.Argument(help="Name of a Qwen3Tenant. Default: all.")] = None,
    namespace: options.Namespace = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    output: options.Output = Format.TABLE,
) -> None:
    """Show what tenants use of their limits.

    Used of allowed, over all replicas of the gateway, as of the last half minute: tokens and requests of the running
    minute, tokens of the day and the month in UTC; devices that pods of the tenant's own namespace request. Tenants
    lie in the operator's namespace.
    """
    from qwen3_operator.cli.cluster import ask  # noqa: PLC0415  # the client costs a second; --help does not need it

    async def question(cluster: "Cluster") -> list[dict[str, Any]]:
        where = namespace or cluster.namespace
        there = await cluster.tenants(where)
        found = [raw for raw in there if name in (None, raw["metadata"]["name"])]
        if not found:
            raise InputError(_none(name, there, where, "" if namespace else _OTHER))
        return found

    raw = sorted(ask(Where(kubeconfig, context), question), key=lambda one: str(one["metadata"]["name"]))
    if output is not Format.TABLE:
        dump([{"name": one["metadata"]["name"], **one.get("status", {})} for one in raw], output)
        return
    show(_table(raw, datetime.now(UTC)))


def _none(name: str | None, there: list[dict[str, Any]], where: str, remedy: str) -> str:
    what = f"{KIND} {name!r} does not exist" if name else f"there is no {KIND}"
    names = ", ".join(sorted(str(raw["metadata"]["name"]) for raw in there))
    return f"{what} in namespace {where}{f': there are {names}' if names else remedy}"


def _table(found: list[dict[str, Any]], now: datetime) -> Table:
    table = plain_table("TENANT", "READY", "KEYS", "MODELS", *_LIMITS, "DEVICES", "USED", right=_LIMITS)
    for raw in found:
        table.add_row(str(raw["metadata"]["name"]), *_row(raw, now))
    return table


def _row(raw: dict[str, Any], now: datetime) -> tuple[str, ...]:
    try:
        status = Qwen3Tenant.model_validate(raw).status
    except ValidationError as error:
        raise InputError(f"{raw['metadata']['name']} was written by another version: {error}") from error
    ready = next((one for one in status.conditions if one.type == "Ready"), None)
    usage = {one.limit: one for one in status.usage}
    shares = [_share(usage.get(field)) for field in _LIMITS.values()]
    last = ago(now - datetime.fromisoformat(status.last_used)) if status.last_used else "never"
    reason = ready.reason if ready else "-"
    devices = " ".join(f"{one.used}/{one.max} {one.resource}" for one in status.devices)
    return reason, status.keys or "-", " ".join(status.models) or "-", *shares, devices or "-", last


def _share(usage: TenantUsage | None) -> str:
    """Used of allowed; alone where there is no limit."""
    if usage is None:
        return "-"
    return count(usage.used) if usage.allowed is None else f"{count(usage.used)}/{count(usage.allowed)}"
