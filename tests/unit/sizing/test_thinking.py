"""spec.thinking against what the model does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.inventory.objects import gpu_node
from tests.unit.sizing.given import LIBRARY, failed, planned, spec


@pytest.mark.parametrize(
    ("model", "thinking", "words"),
    [
        (
            "Qwen3-4B-Thinking-2507",
            {"default": "Disabled"},
            (
                "spec.thinking.default: Disabled has no effect: Qwen3-4B-Thinking-2507 always thinks. Leave it out, "
                "or take Qwen3-4B (thinks on request) or Qwen3-4B-Instruct-2507 (thinks never)"
            ),
        ),
        (
            "Qwen3-4B-Instruct-2507",
            {"default": "Enabled"},
            (
                "spec.thinking.default: Enabled has no effect: Qwen3-4B-Instruct-2507 never thinks. Leave it out, "
                "or take Qwen3-4B (thinks on request) or Qwen3-4B-Thinking-2507 (thinks always)"
            ),
        ),
        ("Qwen3-Embedding-8B", {"maxBudgetTokens": 9}, "spec.thinking.maxBudgetTokens: 9 has no effect"),
    ],
)
def test_a_field_without_effect_is_no_plan(model: str, thinking: dict[str, Any], words: str) -> None:
    answer = failed(spec(model, thinking=thinking), gpu_node("g"))
    assert answer.reason == "ThinkingUnsupported"
    assert answer.message.startswith(words)


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("Qwen3-4B", {"default": "Disabled", "maxBudgetTokens": 100}),
        ("Qwen3-4B-Thinking-2507", {"default": "Enabled", "maxBudgetTokens": 100}),
        ("Qwen3-4B-Instruct-2507", {"default": "Disabled"}),
        ("Qwen3-4B-Instruct-2507", {}),
    ],
)
def test_what_the_model_does_anyway_may_be_said(model: str, thinking: dict[str, Any]) -> None:
    assert planned(spec(model, thinking=thinking), gpu_node("g")).model == model


def test_auto_takes_a_model_that_thinks_as_asked() -> None:
    best = planned(spec("Auto", model={"source": LIBRARY}, optimizeFor="Quality"), gpu_node("g"))
    asked = spec("Auto", model={"source": LIBRARY}, optimizeFor="Quality", thinking={"default": "Disabled"})
    quiet = planned(asked, gpu_node("g"))
    assert "Thinking" not in quiet.model
    assert best.model != quiet.model or "Thinking" not in best.model
