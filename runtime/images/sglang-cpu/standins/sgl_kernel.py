"""Stands in for sgl_kernel, whose CPU build is in no package registry.

SGLang 0.5.16 and newer import names from it at import time even on the CPU; what this image serves calls none of them.
"""

# ruff: noqa: INP001 - a top-level module by purpose

from collections.abc import Callable
from typing import NoReturn


def __getattr__(name: str) -> Callable[..., NoReturn]:
    """Return a function that says what is missing when it is called."""
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*_: object, **__: object) -> NoReturn:
        raise NotImplementedError(f"sgl_kernel.{name} has no CPU build in this image")

    return missing
