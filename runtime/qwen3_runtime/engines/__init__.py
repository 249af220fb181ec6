"""Engines as children of the runtime: one small adapter each, one keeper for all."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from qwen3_runtime.engines import adapters
from qwen3_runtime.engines.base import Adapter, Command

if TYPE_CHECKING:
    from collections.abc import Iterator


def _found() -> Iterator[Adapter]:
    for module in iter_modules(adapters.__path__):
        yield import_module(f"{adapters.__name__}.{module.name}").ADAPTER


ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _found()}
"""By the name that `RuntimeConfig.engine` and the image's description use."""

__all__ = ["ADAPTERS", "Adapter", "Command"]
