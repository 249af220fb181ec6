"""spec.thinking against what the model does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.engines import ADAPTERS
from tests.unit.inventory.objects import gpu_node
from tests.unit.sizing.given import CATALOG, LIBRARY, failed, planned, spec

if TYPE_CHECKING:
    from qwen3_operator.catalog.engines import Engine


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


@pytest.mark.parametrize("engine", ["vLLM", "LlamaCpp", "Transformers"])
def test_a_budget_that_the_engine_cannot_keep_is_no_plan(engine: str) -> None:
    form = "GGUF-Q8_0" if engine == "LlamaCpp" else "BF16"
    model = {"quantization": form}
    answer = failed(
        spec("Qwen3-4B", model=model, engine={"name": engine}, thinking={"maxBudgetTokens": 9}), gpu_node("g")
    )
    assert answer.reason == "ThinkingUnsupported"
    assert answer.message == (
        f"spec.thinking.maxBudgetTokens: 9 has no effect: {engine} ends no thought at a number of tokens. "
        "Leave it out, or take SGLang (spec.engine.name) and a format that it runs"
    )


def test_an_engine_that_only_writes_serves_no_embeddings() -> None:
    answer = failed(spec("Qwen3-Embedding-8B", engine={"name": "Transformers"}), gpu_node("g"))
    assert answer.reason == "EngineUnsupported"
    assert answer.message == (
        "spec.engine.name Transformers does not serve Qwen3-Embedding-8B, which writes no text: "
        "take SGLang or vLLM or LlamaCpp"
    )
    assert planned(spec("Qwen3-Embedding-8B", engine={"name": "vLLM"}), gpu_node("g")).model == "Qwen3-Embedding-8B"


@pytest.mark.parametrize("engine", CATALOG.engines.values(), ids=lambda engine: engine.label)
def test_the_catalog_knows_which_adapters_end_a_thought(engine: Engine) -> None:
    assert engine.limits_thinking == (ADAPTERS[engine.name].thinking_limit(9) is not None)
