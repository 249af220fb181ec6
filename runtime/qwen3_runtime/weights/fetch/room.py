"""Room in a volume whose size for models is limited: which of them go, the least recently used first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.space import gib

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Kept:
    """A model in the volume, other than the one that is to be fetched."""

    name: str
    size: int
    """Bytes; of one that is being fetched, when it is whole."""
    coming: int
    """Bytes of these that are not on the disk yet."""
    last_use: float
    """Seconds since the epoch."""
    holders: tuple[str, ...]
    """Pods that use or fetch it. None: it may go."""


@dataclass(frozen=True)
class Need:
    """What is to be fetched into which volume."""

    volume: str
    size: int
    """Bytes of the whole model."""
    missing: int
    """Bytes of it that are not on the disk yet."""
    free: int
    """Bytes that the filesystem has."""
    limit: int
    """Bytes that all models may have together."""


def victims(need: Need, kept: Sequence[Kept]) -> list[Kept]:
    """The models to remove, as few as it takes. None is removed where that would not be enough.

    Raises:
        FetchError: ``CacheFull`` or ``DiskFull``: those that are in use leave too little.
    """
    held = need.size + sum(model.size for model in kept)
    free = need.free - sum(model.coming for model in kept)
    gone: list[Kept] = []
    for model in sorted((model for model in kept if not model.holders), key=lambda model: (model.last_use, model.name)):
        if held <= need.limit and need.missing <= free:
            break
        gone.append(model)
        held -= model.size
        free += model.size
    if held > need.limit:
        raise FetchError(
            "CacheFull",
            f"{need.volume} may hold {gib(need.limit)} of models, this one has {gib(need.size)}{_in_use(kept)}.",
        )
    if need.missing > free:
        raise FetchError(
            "DiskFull",
            f"{need.volume} has {gib(max(free, 0))} free without the models that nobody uses, this one needs"
            f" {gib(need.missing)} more{_in_use(kept)}.",
        )
    return gone


def _in_use(kept: Sequence[Kept]) -> str:
    used = [f"{model.name} ({gib(model.size)}, {', '.join(model.holders)})" for model in kept if model.holders]
    return f"; in use are {'; '.join(used)}" if used else ""
