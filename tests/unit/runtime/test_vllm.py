"""Flags of vLLM; tests/conformance runs them before the real parser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qwen3_runtime.config import (
    Device,
    Engine,
    KVCacheDataType,
    Limits,
    Parallelism,
    Task,
    Thinking,
    ThinkingMode,
    ToolCallFormat,
)
from qwen3_runtime.engines.adapters.vllm import VLLM
from tests.unit.runtime.conftest import make_config


def flags(**changes: Any) -> dict[str, str | None]:
    """Flag and value, None for one without."""
    values = {"engine": Engine.VLLM, "device": Device.CUDA} | changes
    arguments = VLLM().command(make_config(**values), 30000, (0, 32, 0)).arguments
    found: dict[str, str | None] = {}
    for index, argument in enumerate(arguments):
        if argument.startswith("--"):
            follows = arguments[index + 1 : index + 2]
            found[argument] = follows[0] if follows and not follows[0].startswith("--") else None
    return found


def test_serves_one_model_on_loopback() -> None:
    found = flags()
    assert (found["--model"], found["--served-model-name"]) == ("/model", "qwen3-tiny")
    assert (found["--host"], found["--port"]) == ("127.0.0.1", "30000")
    assert found["--max-model-len"] == "4096"


def test_devices_are_counted_per_attention_group() -> None:
    found = flags(parallelism=Parallelism(tensor_parallel=8, expert_parallel=8, data_parallel=4))
    assert (found["--tensor-parallel-size"], found["--data-parallel-size"]) == ("2", "4")
    assert "--enable-expert-parallel" in found
    assert "--tensor-parallel-size" not in flags()


def test_parsers_follow_the_model() -> None:
    assert (flags()["--reasoning-parser"], flags()["--tool-call-parser"]) == ("qwen3", "hermes")
    assert flags(tool_call_format=ToolCallFormat.XML)["--tool-call-parser"] == "qwen3_coder"
    assert "--reasoning-parser" not in flags(thinking_mode=ThinkingMode.NEVER)
    assert flags(thinking=Thinking.DISABLED)["--default-chat-template-kwargs"] == '{"enable_thinking": false}'


def test_models_without_text_are_pooled() -> None:
    assert flags(task=Task.EMBED)["--convert"] == "embed"
    assert flags(task=Task.RERANK)["--convert"] == "classify"
    assert "--tool-call-parser" not in flags(task=Task.EMBED)


def test_long_contexts_are_scaled_from_the_trained_length() -> None:
    overrides = flags(limits=Limits(context_length=131072))["--hf-overrides"]
    assert overrides is not None
    assert json.loads(overrides)["rope_scaling"]["factor"] == 4


def test_ascend() -> None:
    assert flags(device=Device.NPU, quantization="W8A8")["--quantization"] == "ascend"
    assert "--quantization" not in flags(quantization="FP8")


def test_cache_type_and_cpu() -> None:
    assert flags(kv_cache_data_type=KVCacheDataType.FP8)["--kv-cache-dtype"] == "fp8_e4m3"
    assert "--enforce-eager" in flags(device=Device.CPU)


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (["api_server.py: error: unrecognized arguments: --x"], "unrecognized arguments: --x"),
        (
            [
                "(EngineCore pid=9) ERROR 11-27 13:00:00 [core.py:900] ValueError: no room for the KV cache",
                "RuntimeError: Engine core initialization failed. See root cause above.",
            ],
            "ValueError: no room for the KV cache",
        ),
        (["INFO starting"], None),
    ],
)
def test_error_line(log: list[str], line: str | None) -> None:
    assert VLLM().error_line(log) == line
