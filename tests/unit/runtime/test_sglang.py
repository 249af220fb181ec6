"""The command line that a configuration becomes; `tests/engine` gives the same lines to SGLang's own parser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qwen3_runtime.config import (
    Device,
    KVCacheDataType,
    Limits,
    Parallelism,
    Task,
    Thinking,
    ThinkingMode,
    ToolCallFormat,
)
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.engines.base import parse_version
from qwen3_runtime.engines.sglang_model import RERANKER_TEMPLATE, model_flags
from tests.unit.runtime.conftest import make_config

NEWEST, NPU_IMAGE = (0, 5, 23), (0, 5, 16)


def flags_of(version: tuple[int, ...] = NEWEST, **changes: Any) -> dict[str, str]:
    arguments = SGLang().command(make_config(**changes), 30000, version).arguments
    values: dict[str, str] = {}
    for index, argument in enumerate(arguments):
        if argument.startswith("--"):
            follows = arguments[index + 1 : index + 2]
            values[argument] = follows[0] if follows and not follows[0].startswith("--") else ""
    return values


def test_engine_listens_on_loopback_only() -> None:
    flags = flags_of()
    assert flags["--host"] == "127.0.0.1"
    assert flags["--port"] == "30000"


def test_one_device_needs_no_parallel_flags() -> None:
    assert not {"--tp-size", "--ep-size"} & flags_of().keys()


def test_tensor_and_expert_parallel() -> None:
    flags = flags_of(parallelism=Parallelism(tensor_parallel=8, expert_parallel=2))
    assert (flags["--tp-size"], flags["--ep-size"]) == ("8", "2")


def test_attention_groups_by_version() -> None:
    split = Parallelism(tensor_parallel=8, expert_parallel=8, data_parallel=4)
    newest = flags_of(parallelism=split)
    assert newest["--attn-dp-size"] == "4"
    assert not {"--dp-size", "--enable-dp-attention"} & newest.keys()
    older = flags_of(NPU_IMAGE, parallelism=split)
    assert (older["--dp-size"], older["--enable-dp-attention"]) == ("4", "")
    assert "--attn-dp-size" not in older
    assert not {"--attn-dp-size", "--dp-size"} & flags_of(parallelism=Parallelism(tensor_parallel=8)).keys()


def test_kv_cache_type_is_passed_only_where_set() -> None:
    assert "--kv-cache-dtype" not in flags_of()
    assert flags_of(kv_cache_data_type=KVCacheDataType.FP8)["--kv-cache-dtype"] == "fp8_e4m3"
    assert flags_of(kv_cache_data_type=KVCacheDataType.BF16)["--kv-cache-dtype"] == "bfloat16"


def test_limits_are_passed_only_where_set() -> None:
    assert not {"--max-running-requests", "--max-total-tokens"} & flags_of().keys()
    flags = flags_of(limits=Limits(context_length=4096, max_running_requests=7, max_total_tokens=65536))
    assert (flags["--max-running-requests"], flags["--max-total-tokens"]) == ("7", "65536")


def test_native_length_needs_no_yarn() -> None:
    command = SGLang().command(make_config(limits=Limits(context_length=40960)), 1, NEWEST)
    assert "--json-model-override-args" not in command.arguments
    assert "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN" not in command.environment


def test_longer_context_scales_from_the_trained_length() -> None:
    config = make_config(limits=Limits(context_length=131072))
    command = SGLang().command(config, 1, NEWEST)
    index = command.arguments.index("--json-model-override-args")
    assert json.loads(command.arguments[index + 1]) == {
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    }
    assert command.environment["SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"] == "1"


def test_thinking_limit_is_paid_for_only_where_it_is_used() -> None:
    assert "--enable-strict-thinking" not in flags_of()
    assert "--enable-strict-thinking" in flags_of(max_thinking_tokens=100)
    assert "--enable-strict-thinking" not in flags_of(max_thinking_tokens=100, thinking_mode=ThinkingMode.NEVER)


@pytest.mark.parametrize(("quantization", "flag"), [("BF16", None), ("FP8", None), ("W8A8", "modelslim")])
def test_quantization_only_where_sglang_does_not_see_it(quantization: str, flag: str | None) -> None:
    assert flags_of(quantization=quantization).get("--quantization") == flag


def test_devices() -> None:
    assert flags_of(device=Device.NPU)["--attention-backend"] == "ascend"
    assert flags_of(device=Device.CUDA)["--device"] == "cuda"
    assert SGLang().command(make_config(), 1, NEWEST).environment["SGLANG_USE_CPU_ENGINE"] == "1"


def test_extra_arguments_come_last_and_so_win() -> None:
    arguments = SGLang().command(make_config(extra_args=("--tool-call-parser", "hermes")), 1, NEWEST).arguments
    assert arguments[-2:] == ("--tool-call-parser", "hermes")


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (
            ["usage: sglang serve [-h]", "sglang serve: error: unrecognized arguments: --no-such-flag"],
            "unrecognized arguments: --no-such-flag",
        ),
        (
            ["Traceback (most recent call last):", "ValueError: context too long", "EOFError"],
            "ValueError: context too long",
        ),
        (["[2026-11-24 10:00:00] torch.OutOfMemoryError: CUDA out of memory."], "[2026-11-24 10:00:00] torch.OutOf"),
    ],
)
def test_error_line(log: list[str], line: str) -> None:
    assert (SGLang().error_line(log) or "").startswith(line)


def test_no_error_line_where_nothing_was_said() -> None:
    assert SGLang().error_line(["Prefill batch", '127.0.0.1 - "POST /v1/chat/completions HTTP/1.1" 200 OK']) is None


@pytest.mark.parametrize(
    ("text", "version"), [("0.5.23", (0, 5, 23)), ("0.5.16.post1", (0, 5, 16)), ("0.6.0rc1", (0, 6))]
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, "--reasoning-parser qwen3 --tool-call-parser qwen"),
        ({"thinking_mode": ThinkingMode.ALWAYS}, "--reasoning-parser qwen3-thinking --tool-call-parser qwen"),
        ({"thinking_mode": ThinkingMode.NEVER, "thinking": Thinking.DISABLED}, "--tool-call-parser qwen"),
        ({"tool_call_format": ToolCallFormat.XML}, "--reasoning-parser qwen3 --tool-call-parser qwen3_coder"),
        ({"task": Task.EMBED}, "--is-embedding"),
        ({"task": Task.RERANK}, f"--chat-template {RERANKER_TEMPLATE}"),
    ],
)
def test_flags_follow_the_kind_of_model(changes: dict[str, Any], flags: str) -> None:
    assert " ".join(model_flags(make_config(**changes))) == flags


def test_reranker_template_is_what_the_engine_recognizes() -> None:
    assert 'answer can only be "yes" or "no"' in RERANKER_TEMPLATE.read_text()
