"""Where `make platform` leaves the engine and the tiny model. Their absence is a failure, never a skip."""

from __future__ import annotations

import os
from pathlib import Path

from tests.kind import cache

ENGINE_VENV = "sglang-cpu-0.5.23"


def find_engine_python() -> Path:
    """Interpreter of an environment with SGLang for the CPU."""
    return _find("QWEN3_ENGINE_PYTHON", cache.root() / "venvs" / ENGINE_VENV / "bin" / "python")


def find_tiny_model() -> Path:
    """Folder of the tiny model."""
    return _find("QWEN3_TINY_MODEL", cache.root() / "models" / "qwen3-tiny-1")


def _find(variable: str, default: Path) -> Path:
    path = Path(os.environ.get(variable) or default)
    if not path.exists():
        raise AssertionError(f"{path} does not exist: `make platform` makes it, or set {variable}")
    return path
