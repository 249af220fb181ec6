"""Checkpoints of a model, and the formats that they come in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qwen3_operator.api.deployment import Quantization  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.accelerators import (  # noqa: TC001  # pydantic reads it at run time
    DeviceKind,
    Family,
    Precision,
)
from qwen3_operator.catalog.base import Row
from qwen3_runtime.config import Engine as EngineName  # noqa: TC001  # pydantic reads it at run time

Count = Annotated[int, Field(ge=1)]
Hub = Literal["HuggingFace", "ModelScope", "Modelers"]
SAME_IDS: tuple[Hub, ...] = ("HuggingFace", "ModelScope")
"""Hubs on which Qwen publishes under the same ids."""
Width = Annotated[float, Field(gt=0, le=32)]
HALF_FAMILIES: tuple[Family, ...] = ("Turing", "Ascend-310P")
"""Families without BF16: what is stored so is converted to FP16, which is as large."""


class Bits(Row):
    """Bits per parameter of a format, scales and zero points included; norms and encoders are always as they were."""

    attention: Width = 16
    """Projections of attention and recurrent layers."""
    experts: Width = 16
    feed_forward: Width = 16
    """Dense blocks and shared experts."""
    embedding: Width = 16
    head: Width = 16
    mtp: Width = 16
    """Layers of the heads for multi-token prediction."""
    rest: Width = 16
    """Norms, routers and other small parts."""


class _Identity(Row):
    """Where a checkpoint is."""

    quantization: Quantization
    repository: str
    """Repository id on Hugging Face and ModelScope; empty for a model that the project makes."""
    hubs: dict[Hub, str] = Field(default_factory=dict)
    """Repository ids by hub. Where neither Hugging Face nor ModelScope is named, ``repository`` is the id on both."""
    source: str

    def identifier(self, hub: Hub) -> str | None:
        """Repository id on one hub; None where none is known."""
        if hub in self.hubs or hub not in SAME_IDS or any(same in self.hubs for same in SAME_IDS):
            return self.hubs.get(hub)
        return self.repository or None


class CheckpointRow(_Identity):
    """A checkpoint in models.yaml: with a size that a source states, or with widths to compute one from."""

    bytes: Count | None = None
    """Size that the source states; None: computed from the shape and the format's bits."""
    size: Literal["measured", "repository"] | None = None
    bits: Bits | None = None
    """Where this checkpoint is not quantised as its format usually is."""
    mtp: bool = True
    """Whether ``bytes`` count the heads for multi-token prediction, where the model has such."""


class Checkpoint(_Identity):
    """One format in which the weights exist."""

    bytes: Count
    """Size of the weights in one copy, heads for multi-token prediction included."""
    size: Literal["measured", "repository", "computed"]
    """Where ``bytes`` comes from: counted on the files, stated for the repository, or computed from the shapes."""
    mtp_bytes: Annotated[int, Field(ge=0)] = 0
    """Part of ``bytes`` that is loaded for speculative decoding only."""

    @property
    def loaded_bytes(self) -> int:
        """What the engine loads without speculative decoding."""
        return self.bytes - self.mtp_bytes


class QuantizationFormat(Row):
    """A format of weights and what it needs of the device."""

    name: Quantization
    rank: Count
    """Order of quality, best first."""
    devices: tuple[DeviceKind, ...]
    runs: dict[EngineName, tuple[Family, ...]]
    """Accelerator families that run it, by engine."""
    min_compute_capability: float | None = None
    """Of NVIDIA devices, under SGLang."""
    block_size: Count | None = None
    """Partitions of linear layers must be multiples of it."""
    bits: Bits | None = None
    """Widths, where sizes can be computed from shapes; None: only stated sizes are known."""
    source: str

    def runs_on(self, engine: EngineName, family: Family) -> bool:
        """Whether the engine runs the format on that family."""
        return family in self.runs.get(engine, ())


def computes_in(family: Family) -> Precision:
    """Type of activations on that family, where the checkpoint says BF16."""
    return "FP16" if family in HALF_FAMILIES else "BF16"
