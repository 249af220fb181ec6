"""The committed CRDs under names of the tests' own, so that no operator answers and no short name is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from qwen3_operator.api import pool, tenant
from qwen3_operator.api.base import GROUP, ApiModel, Rule
from qwen3_operator.api.deployment import PLURAL, Qwen3Deployment
from tests.objects import merged

Object = dict[str, Any]

CRDS = Path(__file__).parents[2] / "crds"
TEST_GROUP = "apitest.qwen3.io"
RESOURCE = f"tried.{TEST_GROUP}"
TEST_KIND = "Tried"
POOL_RESOURCE = f"triedpools.{TEST_GROUP}"
POOL_KIND = "TriedPool"
TENANT_RESOURCE = f"triedtenants.{TEST_GROUP}"
TENANT_KIND = "TriedTenant"


def committed(plural: str) -> Path:
    """The generated file of a kind."""
    return CRDS / f"{GROUP}_{plural}.yaml"


def committed_crd(plural: str = PLURAL) -> Object:
    crd: Object = yaml.safe_load(committed(plural).read_text())
    return crd


def copied_crd() -> Object:
    """The CRD of Qwen3Deployment."""
    return _copied(PLURAL, TEST_KIND, RESOURCE)


def copied_pool_crd() -> Object:
    """The CRD of AcceleratorPool."""
    return _copied(pool.PLURAL, POOL_KIND, POOL_RESOURCE)


def copied_tenant_crd() -> Object:
    """The CRD of Qwen3Tenant."""
    return _copied(tenant.PLURAL, TENANT_KIND, TENANT_RESOURCE)


def _copied(plural: str, kind: str, resource: str) -> Object:
    crd, name = committed_crd(plural), resource.partition(".")[0]
    crd["metadata"]["name"] = resource
    crd["spec"]["group"] = TEST_GROUP
    crd["spec"]["names"] = {"kind": kind, "listKind": f"{kind}List", "plural": name, "singular": kind.lower()}
    return crd


def version() -> Object:
    found: Object = committed_crd()["spec"]["versions"][0]
    return found


def whole(over: Object | None = None, **spec: Any) -> Object:
    """A minimal valid object, ``over`` merged over all of it and ``spec`` over its spec."""
    base: Object = {
        "apiVersion": f"{TEST_GROUP}/v1alpha1",
        "kind": TEST_KIND,
        "metadata": {"name": "tried", "namespace": "default"},
        "spec": {"model": {"name": "Qwen3-Tiny", "source": {"persistentVolumeClaim": {"claimName": "weights"}}}},
    }
    return merged(merged(base, over or {}), {"spec": spec})


def whole_pool(over: Object | None = None, **spec: Any) -> Object:
    """A minimal valid AcceleratorPool, ``over`` merged over all of it and ``spec`` over its spec."""
    base: Object = {
        "apiVersion": f"{TEST_GROUP}/v1alpha1",
        "kind": POOL_KIND,
        "metadata": {"name": "tried"},
        "spec": {},
    }
    return merged(merged(base, over or {}), {"spec": spec})


def whole_tenant(over: Object | None = None, **spec: Any) -> Object:
    """A minimal valid Qwen3Tenant, ``over`` merged over all of it and ``spec`` over its spec."""
    base: Object = {
        "apiVersion": f"{TEST_GROUP}/v1alpha1",
        "kind": TENANT_KIND,
        "metadata": {"name": "tried", "namespace": "default"},
        "spec": {"models": {"names": ["Qwen3-Tiny"]}},
    }
    return merged(merged(base, over or {}), {"spec": spec})


def rules() -> list[tuple[type[ApiModel], Rule]]:
    """Every CEL rule with the type that carries it."""
    return [(model, rule) for model in sorted(_subclasses(ApiModel), key=lambda m: m.__name__) for rule in model.RULES]


def tried(model: type[ApiModel], part: Object) -> Object:
    """The whole object for a rule's example: specs, but on the kind itself objects."""
    if model.__module__ == pool.__name__:
        return whole_pool(part if model is pool.AcceleratorPool else {"spec": part})
    if model.__module__ == tenant.__name__:
        return whole_tenant(part if model is tenant.Qwen3Tenant else {"spec": part})
    return whole(part) if model is Qwen3Deployment else whole({"spec": part})


def leaves(schema: Object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Object]]:
    """Path and schema of every field that holds a value; lists count as one."""
    fields = schema.get("properties")
    if not fields:
        return [(path, schema)]
    return [leaf for name, child in fields.items() for leaf in leaves(child, (*path, name))]


def with_value(path: tuple[str, ...], value: Any) -> Object:
    """An object with one field of its spec set, and beside it what that field needs."""
    nested: Any = value
    for name in reversed(path):
        nested = {name: nested}
    tokens = {"inputTokens": {"p95": 1}, "outputTokens": {"p95": 1}} if path[-1] in {"p50", "p95"} else {}
    return whole({"spec": merged({"workload": tokens} if tokens else {}, nested)})


def _subclasses(model: type[ApiModel]) -> set[type[ApiModel]]:
    direct = set(model.__subclasses__())
    return direct.union(*(_subclasses(child) for child in direct))
