"""What every API type shares, and the marks that pydantic's own JSON schema has no words for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "serving.qwen3.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

DEPLOYMENT_LABEL = f"{GROUP}/deployment"
"""Label on every pod of a Qwen3Deployment; its value is the deployment's name."""
POOL_LABEL = f"{GROUP}/pool"
"""Label with which an administrator names the pool of a node."""

TENANT_LABEL = f"{GROUP}/tenant"
"""On the ResourceQuota of a Qwen3Tenant: its name."""
REPLAN_ANNOTATION = f"{GROUP}/replan"
"""Annotation on a Qwen3Deployment: each new value has the plan made anew once."""


@dataclass(frozen=True)
class Rule:
    """One CEL rule of ``x-kubernetes-validations`` on the type that carries it.

    ``rule`` is true for a valid object; ``message`` tells a person what would be right. ``good`` and ``bad`` are
    specs (on the kind itself: whole objects), partial, merged over a minimal valid one, that the tests try on a
    real API server.
    """

    rule: str
    message: str
    good: dict[str, Any]
    bad: dict[str, Any]


def _mark_rules(schema: dict[str, Any], model: type[ApiModel]) -> None:
    """Put the type's CEL rules where the API server looks for them."""
    if model.RULES:
        schema["x-kubernetes-validations"] = [{"rule": rule.rule, "message": rule.message} for rule in model.RULES]


class ApiModel(BaseModel):
    """Camel-case JSON. Unknown fields are pruned by the API server before they reach us."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        use_attribute_docstrings=True,
        extra="ignore",
        json_schema_extra=_mark_rules,
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()

    def to_json(self) -> dict[str, Any]:
        """The object as Kubernetes stores it: camel case, unset optional fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def as_set() -> Any:
    """Mark a list whose items are unique and may be owned one by one (``x-kubernetes-list-type: set``)."""
    return Field(json_schema_extra={"x-kubernetes-list-type": "set"})


def as_map(key: str) -> Any:
    """Mark a list of objects that ``key`` tells apart (``x-kubernetes-list-type: map``)."""
    return Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]})


def as_atomic() -> Any:
    """Mark a list that is replaced as a whole (``x-kubernetes-list-type: atomic``)."""
    return Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})
