"""Is the folder of weights the model that the pod is to serve, and is it complete? And are its adapters?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_runtime.weights.adapters import check_adapter, check_adapters
from qwen3_runtime.weights.check import check_folder, with_weights
from qwen3_runtime.weights.problem import Problem

if TYPE_CHECKING:
    from qwen3_runtime.config import RuntimeConfig

__all__ = ["Problem", "check_adapter", "check_adapters", "check_folder", "check_weights", "with_weights"]


def check_weights(config: RuntimeConfig) -> Problem | None:
    """First problem of the model or of its adapters, or None."""
    return check_folder(config) or check_adapters(config)
