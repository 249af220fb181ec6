"""What the runtime asks of an engine adapter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.config import RuntimeConfig

Version = tuple[int, ...]
"""Numeric parts of a version, for comparisons: ``0.5.23`` is ``(0, 5, 23)``."""


@dataclass(frozen=True)
class Command:
    """How to start an engine: arguments after the interpreter, and variables that the pod does not set itself."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Adapter(Protocol):
    """One engine: everything the runtime knows of it. Pure: no I/O, no clock."""

    name: str
    """As in `RuntimeConfig.engine`."""
    package: str
    """Name of the engine's Python distribution."""
    live_path: str
    """Answers 200 as soon as the engine can take a request."""
    settle_path: str
    """Asked once after the warm-up; the engine then takes what it holds to be there for good."""
    worker_names: tuple[str, ...]
    """Beginnings of process names without which the engine is dead, cut to the kernel's 15 characters."""

    oldest_version: Version
    """Oldest release whose flags were checked."""

    def command(self, config: RuntimeConfig, port: int, version: Version) -> Command:
        """Command line of this version of the engine for ``config``, listening on loopback at ``port``."""
        ...

    def thinking_limit(self, tokens: int) -> Mapping[str, Any] | None:
        """Fields of a chat request that make its thought end with its ``tokens``-th token, which closes it.

        None: the engine cannot. Asked only where ``RuntimeConfig.max_thinking_tokens`` is set.
        """
        ...

    def error_line(self, log: Sequence[str]) -> str | None:
        """The line of ``log`` (oldest first) that says why the engine ended, or None."""
        ...


def parse_version(text: str) -> Version:
    """Leading numeric parts: ``0.5.23.post1`` gives ``(0, 5, 23)``."""
    parts: list[int] = []
    for part in text.split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)
