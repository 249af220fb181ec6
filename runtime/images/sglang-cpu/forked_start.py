"""Starts SGLang's processes by fork: they share what the first one has imported.

SGLang spawns its scheduler and detokenizer, each of which imports torch, transformers and SGLang anew (0.5.23,
sglang/srt/entrypoints/engine.py: a forked process cannot use CUDA). On a CPU a fork loses nothing: when it happens
the first process has one thread. A start takes 12 s of CPU time instead of 23. On CUDA and Ascend nothing is changed.
"""

# ruff: noqa: INP001 - a build script

from pathlib import Path

MODULE = Path("sglang", "srt", "entrypoints", "engine.py")
_SPAWNED = 'mp.set_start_method("spawn", force=True)'
_FORKED = 'mp.set_start_method("fork", force=True)'


def fork(packages: Path) -> None:
    """Change the start method.

    Raises:
        ValueError: the module is not the one this was written for.
    """
    source = (packages / MODULE).read_text()
    if source.count(_SPAWNED) != 1:
        raise ValueError(f"{MODULE} has changed: see what {Path(__file__).name} has to change in it")
    (packages / MODULE).write_text(source.replace(_SPAWNED, _FORKED))
