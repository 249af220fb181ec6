"""The base of every type that operator and runtime exchange."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """Camel-case JSON, unknown fields refused: a newer operator never half-configures an older runtime."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)
