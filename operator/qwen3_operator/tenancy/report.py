"""``tenant_status(...)``: the status of a Qwen3Tenant. Pure, and the same for the same findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.tenant import TenantStatus, TenantUsage
from qwen3_operator.reconcile.conditions import stamp
from qwen3_operator.tenancy.devices import CONDITION
from qwen3_runtime.tenancy import LimitName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.tenancy.compile import Grant
    from qwen3_operator.tenancy.quotas import Held
    from qwen3_runtime.tenancy import TenantUsage as Counted


def tenant_status(
    raw: Mapping[str, Any], grant: Grant, counted: Counted | None, now: str, held: Held | None = None
) -> TenantStatus:
    """The whole status.

    Args:
        raw: The Qwen3Tenant as it is stored.
        grant: What it came to.
        counted: What the gateway said of it; None while it was not asked: then what is stored stays.
        now: RFC 3339 in UTC; shows up only in transitions.
        held: What its devices come to; None without spec.devices.
    """
    previous = raw.get("status") or {}
    generation = raw["metadata"]["generation"]
    usage, last_used = _counted(counted) if counted else _stored(previous)
    verdicts = {**grant.verdicts, **({CONDITION: held.verdict} if held else {})}
    return TenantStatus(
        observed_generation=generation,
        conditions=stamp(verdicts.items(), previous.get("conditions", ()), generation, now),
        models=grant.models,
        usage=usage,
        devices=held.usage if held else (),
        last_used=last_used,
        keys=grant.keys,
        today=_today(usage),
    )


def _counted(counted: Counted) -> tuple[tuple[TenantUsage, ...], str | None]:
    usage = (TenantUsage(limit=one.name, used=one.used, allowed=one.limit) for one in counted.limits)
    return tuple(usage), counted.last_used_at


def _stored(previous: Mapping[str, Any]) -> tuple[tuple[TenantUsage, ...], str | None]:
    try:
        usage = tuple(TenantUsage.model_validate(one) for one in previous.get("usage", ()))
    except ValidationError:  # written by another version
        return (), None
    return usage, previous.get("lastUsed")


def _today(usage: tuple[TenantUsage, ...]) -> str:
    day = next((one for one in usage if one.limit == LimitName.TOKENS_PER_DAY), None)
    if day is None:
        return ""
    return str(day.used) if day.allowed is None else f"{day.used}/{day.allowed}"
