"""Stands in for Triton (690 MB), which SGLang imports unconditionally and never runs on the CPU.

SGLang ships the like of it for Apple machines (`sglang._platform_stubs`), where there is no Triton either. Kernels keep
their definitions: decorators hand the plain function back, everything else is a name that may be imported, subclassed
and caught, and that fails when a kernel would be launched (a plain function has no `kernel[grid]`).
"""

# typing.override is younger than this image's Python, and every module sets a __path__ of its own.
# mypy: disable-error-code="explicit-override,misc"

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, ClassVar

__version__ = "3.7.1"


class StandIn(ModuleType):
    """A module, decorator or constant of Triton; attributes are made when they are asked for."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        """Return a class for CamelCase names, another stand-in otherwise."""
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        value: Any = type(name, (Exception,), {"__module__": self.__name__}) if name[0].isupper() else StandIn(full)
        setattr(self, name, value)
        return value

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Act as a decorator, with or without options of its own."""
        if len(arguments) == 1 and callable(arguments[0]) and not options:
            return arguments[0]
        return lambda function: function

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Let a lower-case name stand as a base class."""
        return (object,)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every submodule of Triton: it is a stand-in."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for `triton.*` and nothing else."""
        if not fullname.startswith(f"{__name__}."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return the stand-in."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


class Config:
    """One candidate of `@triton.autotune`."""

    def __init__(self, kwargs: dict[str, Any], **options: Any) -> None:
        self.kwargs = kwargs
        self.options = options


def cdiv(dividend: int, divisor: int) -> int:
    """Return the quotient, rounded up."""
    return -(-dividend // divisor)


def next_power_of_2(number: int) -> int:
    """Return the smallest power of two that is at least `number`."""
    return 1 << max(number - 1, 0).bit_length()


_ROOT = StandIn(__name__)
sys.meta_path.append(Finder())


def __getattr__(name: str) -> Any:
    return getattr(_ROOT, name)
