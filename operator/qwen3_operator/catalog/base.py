"""What every row of the catalog's data files shares."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

MIB = 1 << 20
GB = 1_000_000_000
TERA = 1_000_000_000_000

Known = Literal["measured", "calculated", "reported", "unknown"]
"""How a number is known: measured on the thing itself, calculated from numbers that are known, reported by a source
that is named beside it, or unknown: without a source that was seen, so that a number there is an estimate."""


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
