"""Checkpoints of a model, and the formats that they come in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qwen3_operator.api.deployment import Quantization  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.accelerators import Family  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.base import Row

Count = Annotated[int, Field(ge=1)]
Hub = Literal["HuggingFace", "ModelScope", "Modelers"]


class Checkpoint(Row):
    """One format in which the weights exist."""

    quantization: Quantization
    bytes: Count
    """Size of the weights in one copy."""
    size: Literal["measured", "repository", "computed"]
    """Where ``bytes`` comes from: counted on the files, stated for the repository, or computed from the shapes."""
    repository: str
    """Repository id on Hugging Face and ModelScope; empty for a model that the project makes."""
    hubs: dict[Hub, str] = Field(default_factory=dict)
    """Repository ids by hub, where they are known and not ``repository`` on both Hugging Face and ModelScope."""
    source: str

    def identifier(self, hub: Hub) -> str | None:
        """Repository id on one hub; None where none is known."""
        if self.hubs:
            return self.hubs.get(hub)
        return self.repository or None if hub in {"HuggingFace", "ModelScope"} else None


class QuantizationFormat(Row):
    """A format of weights and what it needs of the device."""

    name: Quantization
    rank: Count
    """Order of quality, best first."""
    devices: tuple[Literal["cuda", "npu", "cpu"], ...]
    families: tuple[Family, ...] = ()
    """Accelerator families that run it under the engine; empty: all of ``devices``."""
    min_compute_capability: float | None = None
    """Of NVIDIA devices."""
    block_size: Count | None = None
    """Partitions of linear layers must be multiples of it."""
    source: str
