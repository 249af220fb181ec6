"""What every row of the catalog's data files shares."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

MIB = 1 << 20


class Row(BaseModel):
    """Camel-case YAML, frozen, unknown fields refused: a misspelt field is an error and not a lost fact."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
    )
