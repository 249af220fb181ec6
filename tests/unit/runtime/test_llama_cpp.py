"""Options of llama.cpp's server."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_runtime.config import Device, Engine, KVCacheDataType, Limits, ModelFiles, Task, Thinking
from qwen3_runtime.engines.adapters.llama_cpp import LlamaCpp
from qwen3_runtime.engines.launchers.llama_server import parse
from qwen3_runtime.engines.translation import translate
from tests.unit.runtime.conftest import make_config

VERSION = (11549,)


def options(**changes: Any) -> dict[str, Any]:
    """What the server's own parser makes of the command line."""
    values = {"engine": Engine.LLAMA_CPP, "quantization": "GGUF-Q8_0", "model": ModelFiles(path="/m/a.gguf")} | changes
    return vars(parse(list(LlamaCpp().command(make_config(**values), 30000, VERSION).arguments)))


def test_a_slot_has_the_whole_context() -> None:
    found = options(limits=Limits(context_length=4096, max_running_requests=8))
    assert (found["ctx_size"], found["parallel"]) == (8 * 4096, 8)
    assert options()["parallel"] == 4


@pytest.mark.parametrize(("tokens", "slots"), [(4096 * 3 + 1, 3), (100, 1), (10**6, 8)])
def test_as_many_slots_as_the_cache_holds(tokens: int, slots: int) -> None:
    limits = Limits(context_length=4096, max_running_requests=8, max_total_tokens=tokens)
    assert options(limits=limits)["parallel"] == slots


def test_layers_on_the_device() -> None:
    assert options()["n_gpu_layers"] == 0
    assert options(device=Device.CUDA)["n_gpu_layers"] == 999
    assert options(device=Device.CUDA, device_layers=20)["n_gpu_layers"] == 20


def test_thinking_off_is_the_default_of_the_template() -> None:
    assert options()["chat_template_kwargs"] == {}
    assert options(thinking=Thinking.DISABLED)["chat_template_kwargs"] == {"enable_thinking": False}


def test_long_contexts_are_scaled_from_the_trained_length() -> None:
    found = options(limits=Limits(context_length=131072))
    assert (found["rope_scaling"], found["rope_scale"], found["yarn_orig_ctx"]) == ("yarn", 4, 32768)
    assert options()["rope_scaling"] is None


def test_task_and_cache_type() -> None:
    assert options(task=Task.EMBED)["embeddings"]
    assert options(task=Task.RERANK)["reranking"]
    found = options(kv_cache_data_type=KVCacheDataType.FP8)
    assert (found["cache_type_k"], found["cache_type_v"]) == ("q8_0", "q8_0")


def test_nothing_but_the_api_is_open() -> None:
    found = options()
    assert found["host"] == "127.0.0.1"
    assert found["no_ui"]
    assert found["no_slots"]
    assert found["offline"]


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (["usage: llama_server", "llama_server: error: unrecognized arguments: --x"], "unrecognized arguments: --x"),
        (
            ["llama_model_load: error loading model: tensor 'a' is missing", "RuntimeError: Failed to init server"],
            "llama_model_load: error loading model: tensor 'a' is missing",
        ),
        (["Traceback (most recent call last):", "MemoryError: no memory"], "MemoryError: no memory"),
        (["loading model"], None),
    ],
)
def test_error_line(log: list[str], line: str | None) -> None:
    assert LlamaCpp().error_line(log) == line


def test_metrics_of_cached_tokens_are_part_of_the_prompts() -> None:
    text = b"llamacpp:prompt_tokens_total 10\nllamacpp:prompt_tokens_cached_total 5\n"
    assert b"qwen3_engine_prompt_tokens_total 15.0" in translate(text, LlamaCpp().metrics)
    old_build = text.partition(b"\n")[0]
    assert translate(old_build, LlamaCpp().metrics) == b""
