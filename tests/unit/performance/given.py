"""Layouts for the tests of the performance model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import load_catalog
from qwen3_operator.performance import Layout, Load, speeds

if TYPE_CHECKING:
    from qwen3_operator.performance import Speed

CATALOG = load_catalog()
CONSTANTS = CATALOG.performance


def layout(model: str = "Qwen3-32B", accelerator: str = "H100-SXM", **fields: Any) -> Layout:
    """A layout by names; BF16 under SGLang unless said otherwise."""
    made = Layout(CATALOG.models[model], CATALOG.accelerators[accelerator], Quantization.BF16)
    return replace(made, **fields)


def speed(
    of: Layout, prompt: int = 1024, answer: int = 256, clients: float = 16, kv_tokens: int | None = None
) -> Speed:
    """The predicted speed of one layout that has one."""
    found = speeds([(of, Load(prompt, answer, clients, kv_tokens))], CONSTANTS)[0]
    assert found is not None
    return found
