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
    if how.silent_seconds is not None:
        return Termination(TerminationReason.ENGINE_HUNG, f"{engine} {how.describe()} {when}", log)
    reason = TerminationReason.ENGINE_DIED if was_ready else TerminationReason.ENGINE_START_FAILED
    if not error_line:
        return Termination(reason, f"{engine} {how.describe()} {when}", log)
    # SGLang kills itself once it has said what is wrong: then the signal is no news and looks like another's doing.
    ending = "ended" if how.code is not None and how.code < 0 else how.describe()
    return Termination(reason, f"{engine} {ending} {when}: {error_line}", log)
