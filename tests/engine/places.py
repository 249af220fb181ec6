"""Where the engine and the tiny model lie. Their absence is a failure, never a skip."""

from __future__ import annotations

import os
from pathlib import Path


def find_engine_python() -> Path:
    """Interpreter of an environment with SGLang for the CPU."""
    return _find("QWEN3_ENGINE_PYTHON")


def find_tiny_model() -> Path:
    """Folder of the tiny model."""
    return _find("QWEN3_TINY_MODEL")


def find_old_engine() -> Path:
    """Package of the SGLang that the newest Ascend images hold."""
    return _find("QWEN3_OLD_ENGINE")


def _find(variable: str) -> Path:
    path = Path(os.environ.get(variable) or "/nonexistent")
    if not path.exists():
        raise AssertionError(f"{variable} names no file: `make test-engine` runs these tests in the runtime image")
    return path
