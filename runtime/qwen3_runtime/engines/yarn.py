"""When and by how much positions are scaled (YaRN), for every engine. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_runtime.config import RuntimeConfig

_TRAINED_LENGTH = {40960: 32768}
"""Qwen3's ``max_position_embeddings`` of 40960 is 32768 trained positions and 8192 for the answer; YaRN counts from
the trained ones (https://github.com/QwenLM/Qwen3, "Processing Long Texts")."""


@dataclass(frozen=True)
class Yarn:
    """Parameters of the scaling."""

    factor: float
    trained_length: int

    def rope_scaling(self) -> dict[str, str | float | int]:
        """As config.json of a model has it."""
        return {
            "rope_type": "yarn",
            "factor": self.factor,
            "original_max_position_embeddings": self.trained_length,
        }


def scaling(config: RuntimeConfig) -> Yarn | None:
    """The scaling that the context length needs, or None within the native length."""
    if config.limits.context_length <= config.native_context_length:
        return None
    trained = _TRAINED_LENGTH.get(config.native_context_length, config.native_context_length)
    return Yarn(config.limits.context_length / trained, trained)
