"""A Qwen3Deployment as the gateway may see it: name, consent, labels, pods. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.reconcile.kinds import Key
from qwen3_runtime.config import Task, ThinkingMode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.status import Capacity, PlanStatus
    from qwen3_operator.performance.rates import TokenRates


@dataclass(frozen=True)
class Served:
    """Everything that a route is made from."""

    deployment: Mapping[str, Any]
    spec: DeploymentSpec
    plan: PlanStatus | None
    """The plan in force."""
    task: Task = Task.GENERATE
    """What its model answers."""
    thinking: ThinkingMode = ThinkingMode.NEVER
    """When its model thinks."""
    pods: tuple[Mapping[str, Any], ...] = ()
    capacity: Mapping[str, Capacity] = field(default_factory=dict)
    """What engines said of themselves, by pool."""
    rates: Mapping[str, TokenRates] = field(default_factory=dict)
    """Of one replica at its full load by pool, where the speed is known."""

    @property
    def key(self) -> Key:
        """Namespace and name."""
        metadata = self.deployment["metadata"]
        return Key(metadata["namespace"], metadata["name"])

    @property
    def served_name(self) -> str:
        """The name that requests carry; empty while Auto has not chosen."""
        return self.spec.model.served_name or (self.plan.model if self.plan else "")

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of its LoRA adapters."""
        return tuple(adapter.name for adapter in self.spec.model.adapters)

    @property
    def age(self) -> tuple[str, Key]:
        """Sorts the oldest first."""
        return str(self.deployment["metadata"].get("creationTimestamp", "")), self.key

    @property
    def is_offered(self) -> bool:
        """Its owner lets tenants in, and it is not on its way out."""
        return self.spec.tenants is not None and "deletionTimestamp" not in self.deployment["metadata"]

    @property
    def can_limit_thinking(self) -> bool:
        """Whether its thoughts can be kept within a tenant's ceiling; true also where there are none."""
        return self.thinking is ThinkingMode.NEVER or self.spec.thinking.max_budget_tokens is not None

    def allows(self, tenant: str) -> bool:
        """Whether its owner lets the tenant in."""
        return self.spec.tenants is not None and self.spec.tenants.allowed.allows(tenant)


def spec_of(deployment: Mapping[str, Any]) -> DeploymentSpec | None:
    """The spec, unless another version of the API stored it."""
    try:
        return DeploymentSpec.model_validate(deployment["spec"])
    except ValidationError:
        return None
