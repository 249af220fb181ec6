"""``Qwen3Tenant``: a customer of the gateway, with keys, models, limits and what was used of them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from qwen3_operator.api.base import ApiModel, Rule, as_atomic, as_map, as_set
from qwen3_operator.api.pool import LabelValue  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.api.source import SubdomainName  # noqa: TC001
from qwen3_operator.api.status import Condition  # noqa: TC001

KIND = "Qwen3Tenant"
PLURAL = "qwen3tenants"
SHORT_NAME = "q3t"

MAX_NAME_LENGTH = 63
"""Of metadata.name: a label of the gateway's metrics, and one of spec.tenants of a Qwen3Deployment."""
KEY_SECRET_TYPE = "serving.qwen3.io/api-key"  # noqa: S105 - a type, no secret
"""Type of the Secrets that hold keys: the operator asks the API server for no others."""

TenantName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
ServedName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^\S+$")]
NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
# Bounds that no hardware reaches; they keep sums within 64 bits.
Rate = Annotated[int, Field(ge=1, le=10**12)]
DeviceCount = Annotated[int, Field(ge=0, le=65_536, description="Devices.")]
Volume = Annotated[int, Field(ge=1, le=10**15)]


class ApiKey(ApiModel):
    """One key that requests of the tenant may carry."""

    secret_name: SubdomainName
    """Secret of type serving.qwen3.io/api-key in the namespace of the tenant."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = "key"
    """Entry of the Secret that holds the key: at least 32 characters of printable ASCII."""


class DeploymentSelector(ApiModel):
    """Qwen3Deployments by namespace and label. Empty: every one whose owner allows the tenant."""

    namespaces: Annotated[tuple[NamespaceName, ...], Field(max_length=64), as_set()] = ()
    """Namespaces of the deployments. Empty: any."""
    match_labels: Annotated[dict[str, LabelValue], Field(max_length=16)] = Field(default_factory=dict)
    """Labels that the deployments must have."""


class TenantModels(ApiModel):
    """What the tenant may use, where spec.tenants of the Qwen3Deployment allows it too."""

    names: Annotated[tuple[ServedName, ...], Field(max_length=64), as_set()] = ()
    """Names as requests carry them in "model"."""
    selector: DeploymentSelector | None = None
    """Qwen3Deployments by namespace and label, beside those named."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(has(self.names) && size(self.names) > 0) || has(self.selector)",
            "set spec.models.names, spec.models.selector or both; selector: {} takes all that allow the tenant",
            good={"models": {"names": None, "selector": {}}},
            bad={"models": {"names": None}},
        ),
    )


class TenantLimits(ApiModel):
    """Over any minute. Above them the gateway answers 429 and says when to come again."""

    requests_per_minute: Rate | None = None
    """Requests that begin. Default: no limit."""
    input_tokens_per_minute: Rate | None = None
    """Prompt tokens. Default: no limit."""
    output_tokens_per_minute: Rate | None = None
    """Answer tokens, thinking included. Default: no limit."""
    concurrent_requests: Annotated[int, Field(ge=1, le=65_536)] | None = None
    """Requests in flight, waiting ones included. Default: no limit."""


class TenantQuota(ApiModel):
    """Prompt and answer tokens together, by the calendar in UTC."""

    tokens_per_day: Volume | None = None
    """From midnight to midnight. Default: no limit."""
    tokens_per_month: Volume | None = None
    """From the first day of a month to the next. Default: no limit."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.tokensPerDay) || !has(self.tokensPerMonth) || self.tokensPerDay <= self.tokensPerMonth",
            "spec.quota.tokensPerDay must not exceed tokensPerMonth",
            good={"quota": {"tokensPerDay": 1000, "tokensPerMonth": 1000}},
            bad={"quota": {"tokensPerDay": 1001, "tokensPerMonth": 1000}},
        ),
    )


class TenantPriority(ApiModel):
    """Who goes first when requests have to wait."""

    level: Annotated[int, Field(ge=0, le=9)] = 0
    """Waiting requests of a higher level go before those of a lower one."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Share among the tenants of a level that wait: weight 3 gets three times the tokens of weight 1."""


class TenantThinking(ApiModel):
    """Ceiling on thinking."""

    max_tokens: Annotated[int, Field(ge=0, le=1_048_576)] | None = None
    """Most tokens that a chat may think for; 0: none thinks, but for models that always do. Takes deployments that set
    spec.thinking.maxBudgetTokens: the condition ThinkingLimited names those that do not. Default: what the deployment
    allows."""


class TenantDevices(ApiModel):
    """What the tenant may deploy itself, in a namespace of its own."""

    namespace: NamespaceName
    """Where. The operator makes a ResourceQuota there and takes it away with the tenant or this field. Two tenants
    cannot have one namespace: the older one keeps it."""
    max: Annotated[dict[str, DeviceCount], Field(min_length=1, max_length=16)]
    """Most devices of all pods there, by the resource that pods request, e.g. nvidia.com/gpu."""


class TenantSpec(ApiModel):
    """Desired state of a Qwen3Tenant."""

    api_keys: Annotated[tuple[ApiKey, ...], Field(max_length=16), as_atomic()] = ()
    """Keys, all of which are valid: a new one is added before an old one is taken away. Empty: the tenant is locked
    out."""
    models: TenantModels
    """What the tenant may use."""
    limits: TenantLimits = TenantLimits()
    """Over any minute."""
    quota: TenantQuota = TenantQuota()
    """By the calendar."""
    priority: TenantPriority = TenantPriority()
    """Who goes first when requests have to wait."""
    thinking: TenantThinking = TenantThinking()
    """Ceiling on thinking."""
    devices: TenantDevices | None = None
    """What the tenant may deploy itself. Default: nothing is said of that."""


class TenantDeviceUsage(ApiModel):
    """What pods of the tenant's namespace request of one device."""

    resource: str
    """As pods request it, e.g. nvidia.com/gpu."""
    used: int
    """As the ResourceQuota counts it."""
    max: int
    """As spec.devices allows it."""


class TenantUsage(ApiModel):
    """What was used of one limit, over all replicas of the gateway."""

    limit: str
    """Field of spec.limits or spec.quota, e.g. tokensPerDay."""
    used: int
    """In its window now."""
    allowed: int | None = None
    """The limit; absent where there is none."""


class TenantStatus(ApiModel):
    """Observed state of a Qwen3Tenant."""

    observed_generation: int = 0
    """metadata.generation that this status was found for."""
    conditions: Annotated[tuple[Condition, ...], as_map("type")] = ()
    """KeysReady: all keys were found. ModelsReady: all models that are named can be used. ThinkingLimited, only with
    spec.thinking.maxTokens: it holds for all of them. DevicesLimited, only with spec.devices: the ResourceQuota stands.
    Ready: requests are answered, that is, there is a key and a model."""
    models: Annotated[tuple[str, ...], as_set()] = ()
    """Served names that the tenant may use now."""
    usage: Annotated[tuple[TenantUsage, ...], as_map("limit")] = ()
    """Used of each limit, as the gateway counts it; read every half minute."""
    devices: Annotated[tuple[TenantDeviceUsage, ...], as_map("resource")] = ()
    """Used of spec.devices."""
    last_used: str | None = None
    """RFC 3339; the last request that a key let in."""
    # For the printer columns, which neither look into lists nor join two fields:
    keys: str = ""
    """Keys that work of keys named, e.g. 2/2."""
    today: str = ""
    """Tokens used of tokensPerDay, e.g. 1200/100000."""


class Qwen3Tenant(ApiModel):
    """A customer of the gateway. It counts in the namespace of the operator only."""

    spec: TenantSpec
    """What is granted."""
    status: TenantStatus = TenantStatus()
    """What was found and used."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"metadata.name must be at most {MAX_NAME_LENGTH} characters: metrics are labelled with it",
            good={"metadata": {"name": "n" * MAX_NAME_LENGTH}},
            bad={"metadata": {"name": "n" * (MAX_NAME_LENGTH + 1)}},
        ),
    )
