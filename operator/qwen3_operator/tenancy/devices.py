"""ResourceQuotas that tenants' ``spec.devices`` ask for, and what they come to. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.base import GROUP, TENANT_LABEL
from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.api.tenant import TenantDevices, TenantDeviceUsage
from qwen3_operator.inventory.quantity import amount
from qwen3_operator.inventory.quotas import REQUESTS
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.observed import Verdict
from qwen3_operator.tenancy.compile import age

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Object = dict[str, Any]

OPERATOR_LABEL = f"{GROUP}/operator-namespace"
"""On the quota of a tenant, beside its name: where the tenant lies. Another operator may have one of that name."""
CONDITION = "DevicesLimited"


@dataclass(frozen=True)
class Wanted:
    """What all tenants ask for."""

    quotas: dict[str, Object] = field(default_factory=dict)
    """Manifest by tenant."""
    refused: dict[str, Verdict] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)
    """Tenants whose field cannot be carried out: a mistake must not lift the limit that they have."""


def wanted(tenants: Iterable[Mapping[str, Any]], own_namespace: str) -> Wanted:
    """One quota for each tenant with ``spec.devices``; of two tenants in one namespace the older has it."""
    found = Wanted()
    holders: dict[str, str] = {}
    for raw in sorted(tenants, key=age):
        name, asked = raw["metadata"]["name"], raw["spec"].get("devices")
        if asked is None:
            continue
        devices = _read(asked)
        if isinstance(devices, Verdict):
            found.refused[name] = devices
            found.unclear.add(name)
        elif (holder := holders.setdefault(devices.namespace, name)) != name:
            message = f"spec.devices.namespace {devices.namespace!r} is that of tenant {holder}: give each its own"
            found.refused[name] = Verdict(ConditionStatus.FALSE, "NamespaceTaken", message)
        else:
            found.quotas[name] = _quota(name, devices, own_namespace)
    return found


def is_ours(quota: Mapping[str, Any], own_namespace: str) -> bool:
    """Whether a ResourceQuota was made for a tenant of this operator: no other is touched."""
    labels = quota["metadata"].get("labels") or {}
    return TENANT_LABEL in labels and labels.get(OPERATOR_LABEL) == own_namespace


def limited(quota: Mapping[str, Any]) -> Verdict:
    """The condition of a tenant whose quota stands."""
    metadata = quota["metadata"]
    allowed = ", ".join(f"{one.max} {one.resource}" for one in usage(quota))
    message = f"ResourceQuota {metadata['name']} of namespace {metadata['namespace']} allows {allowed}"
    return Verdict(ConditionStatus.TRUE, "Limited", message)


def usage(quota: Mapping[str, Any]) -> tuple[TenantDeviceUsage, ...]:
    """What pods of the namespace request of each device, as the quota counts it."""
    used = (quota.get("status") or {}).get("used") or {}
    return tuple(
        TenantDeviceUsage(resource=key.removeprefix(REQUESTS), used=amount(used.get(key, 0)), max=amount(most))
        for key, most in sorted(quota["spec"]["hard"].items())
    )


def _read(asked: Any) -> TenantDevices | Verdict:
    """The field, or what is wrong with it; another version of the API may have stored it."""
    try:
        devices = TenantDevices.model_validate(asked)
    except ValidationError as error:
        return Verdict(ConditionStatus.FALSE, "InvalidSpec", f"spec.devices: {error.errors()[0]['msg']}")
    if plain := next((resource for resource in devices.max if "/" not in resource), None):
        message = f"spec.devices.max {plain!r} is no device: name it as pods request it, e.g. nvidia.com/gpu"
        return Verdict(ConditionStatus.FALSE, "UnknownDevice", message)
    return devices


def _quota(tenant: str, devices: TenantDevices, own_namespace: str) -> Object:
    resource = Kind.RESOURCE_QUOTA.value
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": f"qwen3-tenant-{tenant}",
            "namespace": devices.namespace,
            "labels": {TENANT_LABEL: tenant, OPERATOR_LABEL: own_namespace},
        },
        "spec": {"hard": {f"{REQUESTS}{name}": str(most) for name, most in sorted(devices.max.items())}},
    }
