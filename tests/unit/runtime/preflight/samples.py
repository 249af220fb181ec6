"""A pod as planned, and the recorded outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qwen3_runtime.config import Npus
from qwen3_runtime.preflight.found import Chip, Found

DATA = Path(__file__).parent / "data"


def recorded(name: str) -> str:
    """One recorded output."""
    return (DATA / name).read_text(encoding="utf-8")


def wanted(**changes: Any) -> Npus:
    """Eight 910B3."""
    values: dict[str, Any] = {
        "resource": "huawei.com/Ascend910",
        "devices": 8,
        "chips": ("910B3",),
        "memory_mib": 65536,
        "oldest_cann": "9.0.0",
    }
    return Npus(**(values | changes))


def found(**changes: Any) -> Found:
    """A pod that has what `wanted` asks for."""
    values: dict[str, Any] = {
        "devices": tuple(f"davinci{number}" for number in range(8)),
        "chips": tuple(Chip(number, 0, "910B3", 65536) for number in range(8)),
        "driver": "25.5.2",
        "cann": "9.0.0",
        "cann_machine": "aarch64",
        "machine": "aarch64",
        "tool_machine": "aarch64",
    }
    return Found(**(values | changes))
