"""LoRA adapters that are served beside a model: ``spec.model.adapters``."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from qwen3_operator.api.base import ApiModel, Rule
from qwen3_operator.api.source import ModelSource  # noqa: TC001  # pydantic reads it at run time

AdapterName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$")]
DEFAULT_RANK = 16
MAX_ADAPTERS = 32
_HUBS = ("huggingFace", "modelScope", "modelers")


class AdapterRoom(ApiModel):
    """Adapters that there is room for, whether they are listed yet or not."""

    count: Annotated[int, Field(ge=1, le=MAX_ADAPTERS)]
    """How many at a time. Each takes its room on every device."""
    rank: Annotated[int, Field(ge=1, le=512)] = DEFAULT_RANK
    """The largest rank."""


class Adapter(ApiModel):
    """A LoRA adapter of the model, in the format of peft."""

    name: AdapterName
    """Name that requests carry in "model" to be answered by the adapter."""
    source: ModelSource
    """Where adapter_config.json and adapter_model.safetensors come from. A hub needs its repository."""
    rank: Annotated[int, Field(ge=1, le=512)] = DEFAULT_RANK
    """Rank of the adapter (r in adapter_config.json), or more: room is made for the largest rank of all adapters."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            " && ".join(f"(!has(self.source.{hub}) || has(self.source.{hub}.repository))" for hub in _HUBS),
            "spec.model.adapters: a source on a hub needs its repository, e.g. team-a/qwen3-8b-support",
            good={"model": {"adapters": [{"name": "a", "source": {"huggingFace": {"repository": "team-a/support"}}}]}},
            bad={"model": {"adapters": [{"name": "a", "source": {"huggingFace": {}}}]}},
        ),
    )
