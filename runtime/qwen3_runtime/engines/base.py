"""What the runtime asks of an engine adapter."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.config import Engine, RuntimeConfig
    from qwen3_runtime.engine_metrics import EngineMetric
    from qwen3_runtime.engines.translation import Source

Version = tuple[int, ...]
"""Numeric parts of a version, for comparisons: ``0.5.23`` is ``(0, 5, 23)``."""


@dataclass(frozen=True)
class Command:
    """How to start an engine: its arguments, and variables that the pod does not set itself."""

    launcher: tuple[str, ...]
    """What the engine's interpreter runs, e.g. ``-m sglang.launch_server``; not used where the image has a program."""
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Contents by path, written before the start."""
    member_path: str | None = None
    """Of a worker in a group of pods: answers 200 as soon as it does its part. None: the engine does not span pods."""

    def write_files(self) -> None:
        """Write them, readable by the pod's own user alone."""
        for name, content in self.files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            path.chmod(0o600)


@dataclass(frozen=True)
class Missing:
    """A request field that an engine does not carry out: any other value than the harmless ones is answered 501."""

    reason: str
    harmless: tuple[Any, ...] = ()


class Adapter(Protocol):
    """One engine: everything the runtime knows of it. Pure: no I/O, no clock."""

    name: Engine
    """As in `RuntimeConfig.engine` and in the image's description."""
    package: str
    """Name of the engine's Python distribution."""
    live_path: str
    """Answers 200 as soon as the engine can take a request."""
    settle_path: str | None
    """Asked once after the warm-up, where there is one; the engine then takes what it holds to be there for good."""
    worker_names: tuple[str, ...]
    """Beginnings of process names without which the engine is dead, cut to the kernel's 15 characters."""

    oldest_version: Version
    """Oldest release whose flags were checked."""
    metrics: Mapping[EngineMetric, Source]
    """What the neutral metrics are called here, in the order of `ENGINE_METRICS`; unknown ones are left out."""
    keeps_connections: bool
    """Whether its server says so before it closes a connection that could be used again."""
    marks_end: bool
    """Whether its streams end with ``data: [DONE]``."""
    takes_sampling: bool
    """Whether requests may carry ``top_k`` and ``min_p``; else the model's own generation_config.json decides."""
    counts_prompts: bool
    """Whether its ``/v1/tokenize`` takes a chat request and tells how many tokens its prompt has."""
    adapter_paths: tuple[str, str] | None
    """Take a POST that loads a LoRA adapter (``lora_name``, ``lora_path``) and one that unloads it (``lora_name``)."""
    unsupported: Mapping[str, Missing]
    """Request fields that the engine takes and does not carry out, and why."""

    def command(self, config: RuntimeConfig, port: int, version: Version) -> Command:
        """Command line of this version of the engine for ``config``, listening on loopback at ``port``."""
        ...

    def thinking_limit(self, tokens: int) -> Mapping[str, Any] | None:
        """Fields of a chat request that make its thought end with its ``tokens``-th token, which closes it.

        None: the engine cannot. Asked only where ``RuntimeConfig.max_thinking_tokens`` is set.
        """
        ...

    def adapter_fields(self, name: str) -> Mapping[str, Any] | None:
        """Fields beside "model" that have a request answered by the LoRA adapter of that name.

        None: the engine serves no adapters, and ``RuntimeConfig.adapters`` must not be set.
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
