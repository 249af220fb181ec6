"""The answer of the planner where there is no plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_operator.api.status import Rejection


class FailureReason(StrEnum):
    """Reason of the condition ``Planned``; stable."""

    UNKNOWN_MODEL = "UnknownModel"
    NO_MODEL = "NoModel"
    """No model of the catalog is what model.name: Auto asks for."""
    UNSUPPORTED_QUANTIZATION = "UnsupportedQuantization"
    CONTEXT_TOO_LONG = "ContextTooLong"
    THINKING_UNSUPPORTED = "ThinkingUnsupported"
    """The model thinks always or never, or the engine ends no thought, and spec.thinking asks for something else."""
    ENGINE_UNSUPPORTED = "EngineUnsupported"
    """The engine does not serve models of this kind, or no LoRA adapters beside them."""
    UNKNOWN_POOL = "UnknownPool"
    UNKNOWN_ACCELERATOR = "UnknownAccelerator"
    NO_NODES = "NoNodes"
    """Not one node is usable."""
    NO_FIT = "NoFit"


@dataclass(frozen=True)
class PlanFailure:
    """Why there is no plan, in words that a person can act on."""

    reason: FailureReason
    message: str
    rejected: tuple[Rejection, ...] = ()
    rejected_counts: dict[str, int] = field(default_factory=dict)
