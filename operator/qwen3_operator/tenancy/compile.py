"""``compile_tenancy(tenants, secrets, deployments)``: what the gateway gets and what people are told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.api.tenant import TenantSpec
from qwen3_operator.reconcile.observed import Verdict
from qwen3_operator.tenancy import grants
from qwen3_operator.tenancy.offers import offers
from qwen3_operator.tenancy.routes import route
from qwen3_operator.tenancy.thoughts import limited
from qwen3_runtime.tenancy import Priority, Quota, Routes, Tenant, TenantLimits, Tenants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.tenancy.keys import KeySecret
    from qwen3_operator.tenancy.served import Served

READY = "Ready"


@dataclass(frozen=True)
class Grant:
    """What one Qwen3Tenant comes to."""

    verdicts: Mapping[str, Verdict]
    """Its conditions."""
    models: tuple[str, ...] = ()
    """What it may use now."""
    keys: str = ""
    """Keys that work of keys named."""


@dataclass(frozen=True)
class Compiled:
    """Everything that follows from the objects in the cluster."""

    tenants: Tenants
    routes: Routes
    grants: Mapping[str, Grant]
    """By name of the Qwen3Tenant."""
    offers: Mapping[Key, Verdict]
    """For each deployment with spec.tenants, whether tenants reach it."""
    names: Mapping[Key, str]
    """What requests call each deployment that the gateway routes to. Two of one name: only the one that has it."""


def compile_tenancy(
    tenants: Iterable[Mapping[str, Any]], secrets: Mapping[str, KeySecret], deployments: Sequence[Served]
) -> Compiled:
    """The gateway's two files.

    Args:
        tenants: Qwen3Tenants as they are stored, those of the operator's namespace.
        secrets: By name, Secrets of the type for keys in the same namespace.
        deployments: All Qwen3Deployments.
    """
    by_name, told = offers(deployments)
    specs: dict[str, TenantSpec] = {}
    granted: dict[str, Grant] = {}
    for raw in sorted(tenants, key=age):
        name = raw["metadata"]["name"]
        try:
            specs[name] = TenantSpec.model_validate(raw["spec"])
        except ValidationError as error:
            granted[name] = _invalid(error)
    holders: dict[str, str] = {}
    for name, spec in specs.items():
        for digest in grants.digests(spec, secrets):
            holders.setdefault(digest, name)
    compiled: list[Tenant] = []
    for name, spec in specs.items():
        keys = grants.keys(spec, secrets, holders, name)
        models = grants.models(spec, by_name, deployments, name)
        works = f"{len(keys.names)}/{keys.asked}"
        thinking = limited(spec.thinking.max_tokens, _each_once(by_name[model] for model in models.names))
        granted[name] = Grant({**grants.verdicts(keys, models), **thinking}, models.names, works)
        compiled.append(_tenant(name, spec, keys.names, models.names))
    offered = [(name, served) for name, served in sorted(by_name.items()) if name == served.served_name]
    found = [
        route(served, served.plan, [name for name in served.adapters if by_name.get(name) is served])
        for _, served in offered
        if served.plan
    ]
    in_order = sorted(compiled, key=lambda tenant: tenant.name)
    names = {served.key: name for name, served in offered}
    return Compiled(Tenants(tenants=tuple(in_order)), Routes(models=tuple(found)), granted, told, names)


def _each_once(deployments: Iterable[Served]) -> list[Served]:
    """A model and its adapters are one deployment."""
    return list({served.key: served for served in deployments}.values())


def age(raw: Mapping[str, Any]) -> tuple[str, str]:
    """Sorts the oldest tenant first: what two of them claim is the older one's."""
    return str(raw["metadata"].get("creationTimestamp", "")), raw["metadata"]["name"]


def _tenant(name: str, spec: TenantSpec, keys: tuple[str, ...], models: tuple[str, ...]) -> Tenant:
    return Tenant(
        name=name,
        key_digests=keys,
        models=models,
        limits=TenantLimits.model_validate(spec.limits.model_dump()),
        quota=Quota.model_validate(spec.quota.model_dump()),
        priority=Priority.model_validate(spec.priority.model_dump()),
        max_thinking_tokens=spec.thinking.max_tokens,
    )


def _invalid(error: ValidationError) -> Grant:
    """Another version of the API stored it: nobody is let in by guess."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    verdict = Verdict(ConditionStatus.FALSE, "InvalidSpec", f"spec.{field}: {first['msg']}")
    return Grant({READY: verdict})
