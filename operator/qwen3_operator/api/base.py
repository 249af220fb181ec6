"""What every API type shares, and the marks that pydantic's own JSON schema has no words for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

GROUP = "serving.qwen3.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class ApiModel(BaseModel):
    """Camel-case JSON. Unknown fields are pruned by the API server before they reach us."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, use_attribute_docstrings=True, extra="ignore"
    )

    def to_json(self) -> dict[str, Any]:
        """The object as Kubernetes stores it: camel case, unset optional fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True)
class Rule:
    """One CEL rule of ``x-kubernetes-validations`` on the type that carries it.

    ``rule`` is true for a valid object; ``message`` tells a person what would be right. ``good`` and ``bad`` are
    specs (partial, merged over a minimal valid one) that the tests try on a real API server.
    """

    rule: str
    message: str
    good: dict[str, Any]
    bad: dict[str, Any]
