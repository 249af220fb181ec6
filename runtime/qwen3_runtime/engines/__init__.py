"""Engines as children of the runtime: one small adapter each, one keeper for all."""

from __future__ import annotations

from qwen3_runtime.engines.base import Adapter, Command
from qwen3_runtime.engines.sglang import SGLang

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in (SGLang(),)}
"""By the name that `RuntimeConfig.engine` and the image's description use."""

__all__ = ["ADAPTERS", "Adapter", "Command"]
