"""Which deployments are offered to tenants, and under which name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.reconcile.observed import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.tenancy.served import Served

NO_GATEWAY = Verdict(
    ConditionStatus.FALSE,
    "NoGateway",
    "spec.tenants has no effect without a gateway: install the chart with gateway.enabled=true",
)
"""Of every deployment with spec.tenants, where there is no gateway."""


def offers(deployments: Iterable[Served]) -> tuple[dict[str, Served], dict[Key, Verdict]]:
    """Deployments by the names that requests carry, and what each that its owner offers has to be told.

    A deployment has a name for its model and one for each adapter. A name belongs to the oldest that offers it.
    """
    by_name: dict[str, Served] = {}
    verdicts: dict[Key, Verdict] = {}
    for served in sorted(deployments, key=lambda one: one.age):
        if served.is_offered:
            verdicts[served.key] = _offered(served, by_name)
            if verdicts[served.key].status is ConditionStatus.TRUE:
                by_name[served.served_name] = served
                by_name |= {name: served for name in served.adapters if name not in by_name}
    return by_name, verdicts


def _offered(served: Served, by_name: Mapping[str, Served]) -> Verdict:
    name = served.served_name
    if served.plan is None:
        return Verdict(ConditionStatus.FALSE, "NotPlanned", "there is no plan yet: tenants do not see it")
    if holder := by_name.get(name):
        owner = f"{holder.key.namespace}/{holder.key.name}"
        return Verdict(
            ConditionStatus.FALSE,
            "ServedNameTaken",
            f"the gateway sends requests for {name} to {owner}, which is older: set spec.model.servedName to a name "
            "of its own, or remove spec.tenants",
        )
    free = [adapter for adapter in served.adapters if adapter not in by_name]
    message = f"tenants reach it through the gateway as {name}"
    message += f", its adapters as {', '.join(free)}" if free else ""
    for adapter in served.adapters:
        if holder := by_name.get(adapter):
            owner = f"{holder.key.namespace}/{holder.key.name}"
            message += f"; adapter {adapter} is not offered: the name belongs to {owner}"
    return Verdict(ConditionStatus.TRUE, "Offered", message)
