"""The contract between operator and gateway: who may use what, and where it is served.

The operator writes `Tenants` into a Secret and `Routes` into a ConfigMap of its own namespace; the gateway watches
exactly these two, and writes `Demand` into a third object, which the operator watches. `UsageReport` is what the
gateway's management port answers at ``/usage`` to who has the token that the operator made.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, RootModel, model_validator

from qwen3_runtime.config import Task, ThinkingMode
from qwen3_runtime.contract import Contract

TENANTS_SUFFIX = "-gateway-tenants"
"""Of the Secret's name, after the release's full name."""
TENANTS_KEY = "tenants.json"
USAGE_ENTRY = "usage-token"
"""Another entry of that Secret: the token that opens the gateway's usage and ledger."""
ROUTES_SUFFIX = "-gateway-routes"
"""Of the ConfigMap's name, after the release's full name."""
ROUTES_KEY = "routes.json"
DEMAND_SUFFIX = "-gateway-demand"
"""Of the ConfigMap that the gateways write, after the release's full name."""
DEMAND_KEY = "demand.json"

KEY_MIN_CHARACTERS = 32
"""An API key's least length: 128 bits even where each character is a hexadecimal digit."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of an API key's bytes, hexadecimal."""
AtLeastOne = Annotated[int, Field(ge=1)]
Timestamp = str
"""RFC 3339 in UTC."""


class TenantLimits(Contract):
    """What a tenant may use at a time; None is no limit. The limits hold over all replicas of the gateway together."""

    requests_per_minute: AtLeastOne | None = None
    input_tokens_per_minute: AtLeastOne | None = None
    output_tokens_per_minute: AtLeastOne | None = None
    """Thinking and answer."""
    concurrent_requests: AtLeastOne | None = None
    """Running and waiting."""


class Quota(Contract):
    """Tokens (input and output) of a calendar day and month in UTC; None is no quota."""

    tokens_per_day: AtLeastOne | None = None
    tokens_per_month: AtLeastOne | None = None


class Priority(Contract):
    """A tenant's place in the queue, which matters only while requests wait."""

    level: int = 0
    """Higher levels go first, as with a PriorityClass."""
    weight: Annotated[float, Field(gt=0)] = 1
    """Share of the work within one level: 2 gets twice the tokens of 1 while both wait."""


class Tenant(Contract):
    """One customer."""

    name: Annotated[str, Field(min_length=1)]
    key_digests: tuple[Digest, ...] = ()
    """All that are valid now; several while a key is rotated."""
    models: tuple[str, ...] = ()
    """Names of the routes that it may use; it learns of no other."""
    limits: TenantLimits = TenantLimits()
    quota: Quota = Quota()
    priority: Priority = Priority()
    max_thinking_tokens: Annotated[int, Field(ge=0)] | None = None
    """Ceiling of thinking tokens of one chat; None is no ceiling. It holds for routes that can be told of it."""


class Tenants(Contract):
    """Content of the Secret."""

    tenants: tuple[Tenant, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _refuse_twice("tenant", [tenant.name for tenant in self.tenants])
        _refuse_twice("key digest", [digest for tenant in self.tenants for digest in tenant.key_digests])
        return self


class Endpoint(Contract):
    """One ready replica."""

    address: Annotated[str, Field(pattern=r"^(\d+(\.\d+){3}|\[[0-9a-fA-F:]+\]):\d+$")]
    """``IP:port`` of its API, an IPv6 address in brackets."""
    placement: str
    """Name of the placement in the deployment's plan."""
    max_in_flight: AtLeastOne
    """Requests at once at which the plan still keeps the token time; more wait in the gateway."""
    weight: Annotated[float, Field(gt=0)] = 1
    """Capacity beside the other endpoints of the route."""
    prompt_tokens_per_second: Annotated[float, Field(gt=0)] | None = None
    """By the plan; the gateway corrects it by what it sees."""
    output_tokens_per_second: Annotated[float, Field(gt=0)] | None = None
    """Of all requests at once, by the plan."""


class Route(Contract):
    """One served model that consents to tenants."""

    name: Annotated[str, Field(min_length=1)]
    """The served model name, as requests carry it; unique over the gateway."""
    adapters: tuple[str, ...] | None = None
    """Names of LoRA adapters of the model, which the same replicas answer; unique like ``name``. None, of which an
    older gateway sees nothing: there are none."""
    namespace: str
    deployment: str
    task: Task = Task.GENERATE
    context_length: AtLeastOne
    thinking: ThinkingMode = ThinkingMode.NEVER
    max_thinking_tokens: AtLeastOne | None = None
    """The deployment's own ceiling. None: it takes no thinking_budget."""
    first_token_target_seconds: Annotated[float, Field(gt=0)] | None = None
    sleeping: bool = False
    """No replica is wanted now; a request wakes it."""
    wake_seconds: Annotated[float, Field(ge=0)] | None = None
    """From a request to the first ready replica, as start-ups have been; None where none has been seen."""
    endpoints: tuple[Endpoint, ...] = ()
    """Ready ones only."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that requests to it may carry."""
        return (self.name, *(self.adapters or ()))


class Routes(Contract):
    """Content of the ConfigMap."""

    models: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _refuse_twice("route", [name for route in self.models for name in route.names])
        return self


class Demand(RootModel[dict[str, Timestamp]]):
    """Route name -> when a request last asked for it while it had no endpoint.."""


class LimitName(StrEnum):
    """The limits of a tenant, as they are named in `UsageReport` and in metrics."""

    REQUESTS_PER_MINUTE = "requestsPerMinute"
    INPUT_TOKENS_PER_MINUTE = "inputTokensPerMinute"
    OUTPUT_TOKENS_PER_MINUTE = "outputTokensPerMinute"
    CONCURRENT_REQUESTS = "concurrentRequests"
    TOKENS_PER_DAY = "tokensPerDay"
    TOKENS_PER_MONTH = "tokensPerMonth"


class LimitUsage(Contract):
    """How much of one limit is used now, over all replicas of the gateway."""

    name: LimitName
    used: Annotated[int, Field(ge=0)]
    limit: AtLeastOne | None
    """None: it is only counted."""


class TenantUsage(Contract):
    """What the gateway knows of one tenant."""

    tenant: str
    limits: tuple[LimitUsage, ...] = ()
    last_used_at: Timestamp | None = None
    """Arrival of the last request with one of its keys."""


class UsageReport(Contract):
    """Answer of ``GET /usage`` on the management port."""

    tenants: tuple[TenantUsage, ...] = ()


def _refuse_twice(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"the {what} {name!r} stands twice")
        seen.add(name)
