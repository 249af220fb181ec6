"""What the stores of counters exchange with the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from qwen3_runtime.tenancy import LimitName, LimitUsage, Tenant

_DAY_SECONDS = 86_400
"""Of Unix time, which knows no leap seconds."""


@dataclass(frozen=True)
class Tokens:
    """Input and output of one request: expected at its arrival, counted at its end."""

    input: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.input + self.output


@dataclass(frozen=True)
class Standing:
    """Where a tenant stands after a request has been let in or refused."""

    refused: LimitName | None = None
    retry_seconds: float = 0.0
    """After which the same request may pass, as far as is known."""
    remaining: dict[LimitName, int] = field(default_factory=dict)
    """Of the limits of a minute."""


@dataclass(frozen=True)
class Reservation:
    """What has been set aside for one running request."""

    tenant: str
    tokens: Tokens
    second: int
    """In whose bucket the input is booked, by the store's clock."""
    shared: bool = False
    """Held in the store that all gateways share."""


class Store(Protocol):
    """Counters of all tenants."""

    async def reserve(self, tenant: Tenant, tokens: Tokens) -> tuple[Standing, Reservation]:
        """Let a request in, or not: then nothing is reserved."""

    def settle(self, reservation: Reservation, used: Tokens) -> None:
        """A request let in has ended."""

    async def usage(self, tenant: Tenant) -> tuple[LimitUsage, ...]:
        """How much of each limit is used."""


def bounds_of(tenant: Tenant) -> tuple[int | None, ...]:
    """A tenant's limits in the order of `LimitName`; None is no limit."""
    limits, quota = tenant.limits, tenant.quota
    return (
        limits.requests_per_minute,
        limits.input_tokens_per_minute,
        limits.output_tokens_per_minute,
        limits.concurrent_requests,
        quota.tokens_per_day,
        quota.tokens_per_month,
    )


def day_of(moment: float) -> str:
    """Calendar day in UTC, e.g. ``2026-01-31``; its first seven characters are the month."""
    return _day(int(moment // _DAY_SECONDS))


# Each request asks for it several times.
@lru_cache(maxsize=2)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * _DAY_SECONDS, UTC).strftime("%Y-%m-%d")


def renewal(moment: float, *, monthly: bool) -> float:
    """Seconds until the next day, or month, begins in UTC."""
    now = datetime.fromtimestamp(moment, UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    next_month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return ((next_month if monthly else midnight + timedelta(days=1)) - now).total_seconds()
