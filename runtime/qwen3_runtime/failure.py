"""Why did the engine end? Pure: from what was observed to one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_runtime.config import TerminationReason
from qwen3_runtime.termination import Termination

if TYPE_CHECKING:
    from qwen3_runtime.engines.keeper import EngineExit


def explain(
    how: EngineExit, *, engine: str, was_ready: bool, out_of_memory: bool, error_line: str | None, log: tuple[str, ...]
) -> Termination:
    """The termination message of a pod whose engine is gone. ``engine`` is its name and version."""
    when = "while it served" if was_ready else "before it was ready"
    if out_of_memory:
        sentence = f"the kernel killed a process of {engine} {when}: the container reached its memory limit"
        return Termination(TerminationReason.OUT_OF_MEMORY, sentence, log)
    reason = TerminationReason.ENGINE_DIED if was_ready else TerminationReason.ENGINE_START_FAILED
    sentence = f"{engine} {how.describe()} {when}"
    return Termination(reason, f"{sentence}: {error_line}" if error_line else sentence, log)
