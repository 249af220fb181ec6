"""SGLang's own parser takes every command line that the adapter can make, without a word of deprecation."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from qwen3_runtime.config import (
    AdapterFiles,
    Adapters,
    Device,
    Group,
    KVCacheDataType,
    Limits,
    Parallelism,
    RuntimeConfig,
    Task,
    Thinking,
    ThinkingMode,
    ToolCallFormat,
)
from qwen3_runtime.engines.adapters.sglang import SGLang
from tests.engine.pod import tiny_config
from tests.patience import HANG_SECONDS

PARSE = """
import argparse, json, logging, sys
logging.basicConfig(stream=sys.stderr)
from sglang.srt.server_args import ServerArgs
parser = argparse.ArgumentParser(allow_abbrev=False)  # no prefixes: every name must be a full one
ServerArgs.add_cli_args(parser)
parsed = []
for line in json.load(sys.stdin):
    print("BEGIN", file=sys.stderr)
    parsed.append(vars(parser.parse_args(line)))
print(json.dumps(parsed, default=str))
"""
MODEL = Path("/model")
VERSION = (0, 5, 23)
LIMITS = Limits(context_length=40960, max_running_requests=64, max_total_tokens=500_000)
ADAPTERS = Adapters(
    rank=32,
    targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    files=(AdapterFiles(name="law", path="/adapters/1/law"), AdapterFiles(name="tax", path="/adapters/1/tax")),
)
CONFIGS: tuple[RuntimeConfig, ...] = (
    tiny_config(MODEL, thinking=Thinking.DISABLED),
    tiny_config(
        MODEL,
        device=Device.CUDA,
        quantization="FP8",
        parallelism=Parallelism(tensor_parallel=8, expert_parallel=2),
        limits=LIMITS,
    ),
    tiny_config(MODEL, device=Device.CUDA, limits=Limits(context_length=131072)),
    tiny_config(MODEL, device=Device.NPU, quantization="W8A8", parallelism=Parallelism(tensor_parallel=16)),
    tiny_config(
        MODEL,
        device=Device.CUDA,
        parallelism=Parallelism(tensor_parallel=8, expert_parallel=8, data_parallel=4),
        kv_cache_data_type=KVCacheDataType.FP8,
    ),
    tiny_config(MODEL, device=Device.CUDA, kv_cache_data_type=KVCacheDataType.BF16),
    *(tiny_config(MODEL, thinking_mode=mode, max_thinking_tokens=100) for mode in ThinkingMode),
    *(tiny_config(MODEL, tool_call_format=form) for form in ToolCallFormat),
    *(tiny_config(MODEL, task=task) for task in Task),
    tiny_config(
        MODEL,
        device=Device.CUDA,
        parallelism=Parallelism(tensor_parallel=16),
        group=Group(nodes=2, rank=1, leader="chat-0.chat.team-a"),
    ),
    tiny_config(MODEL, device=Device.CUDA, adapters=ADAPTERS.model_copy(update={"files": (), "slots": 4})),
    *(tiny_config(MODEL, device=device, adapters=ADAPTERS) for device in (Device.CUDA, Device.NPU)),
)


def test_every_command_line_parses(engine_python: Path) -> None:
    lines = [SGLang().command(config, 30000, VERSION).arguments for config in CONFIGS]
    done = subprocess.run(
        [str(engine_python), "-c", PARSE],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        # The engine's environment as the image sets it, without the packages of the tests.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    while_parsing = done.stderr.split("BEGIN", 1)[1]
    assert not while_parsing.replace("BEGIN", "").strip(), "the parser complained"
    parsed: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    for entry, config in zip(parsed, CONFIGS, strict=True):
        assert entry["device"] == config.device
        assert entry["tp_size"] == config.parallelism.tensor_parallel
        assert entry["ep_size"] == config.parallelism.expert_parallel
        assert entry["attn_dp_size"] == (config.parallelism.data_parallel or 1)
        assert entry["quantization"] == ("modelslim" if config.quantization == "W8A8" else None)
        assert entry["is_embedding"] is (config.task is Task.EMBED)
    assert [entry["kv_cache_dtype"] for entry in parsed[4:6]] == ["fp8_e4m3", "bfloat16"]
    assert [entry["reasoning_parser"] for entry in parsed[6:9]] == ["qwen3", "qwen3-thinking", None]
    assert [entry["tool_call_parser"] for entry in parsed[9:11]] == ["qwen", "qwen3_coder"]
    assert "yarn" in parsed[2]["json_model_override_args"]
    assert (parsed[-3]["enable_lora"], parsed[-3]["lora_paths"], parsed[-3]["max_loras_per_batch"]) == (True, None, 5)
    for entry, backend in zip(parsed[-2:], ("csgmv", "ascend"), strict=True):
        assert entry["lora_paths"] == ["law=/adapters/1/law", "tax=/adapters/1/tax"]
        assert (entry["max_lora_rank"], entry["max_loras_per_batch"], entry["lora_backend"]) == (32, 3, backend)
        assert entry["lora_target_modules"] == list(ADAPTERS.targets)
    assert {entry["host"] for entry in parsed} == {"127.0.0.1"}
