"""SGLang on CUDA, Ascend NPU and CPU.

Flags were checked against the argument parsers of 0.5.16 (newest Ascend image) and 0.5.23. Only full names are
used: SGLang's parser takes unique prefixes, so a short name may become ambiguous with any release.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from qwen3_runtime import engine_metrics as names
from qwen3_runtime.config import Device, Engine, Group, KVCacheDataType, RuntimeConfig
from qwen3_runtime.engines.base import Command, Missing, Version
from qwen3_runtime.engines.error_lines import cause
from qwen3_runtime.engines.sglang_model import model_flags
from qwen3_runtime.engines.translation import Source
from qwen3_runtime.engines.yarn import scaling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.engine_metrics import EngineMetric

_DEVICE_FLAGS: Mapping[Device, tuple[str, ...]] = {
    Device.CUDA: ("--device", "cuda"),
    Device.NPU: ("--device", "npu", "--attention-backend", "ascend"),
    # The scheduler otherwise spins while idle, on a core that its neighbours compute on.
    Device.CPU: ("--device", "cpu", "--sleep-on-idle"),
}
_DEVICE_ENVIRONMENT: Mapping[Device, Mapping[str, str]] = {
    Device.CUDA: {},
    Device.NPU: {},
    # Without the first SGLang imports CUDA kernels; more threads than one per process make small shared machines
    # several times slower.
    Device.CPU: {"SGLANG_USE_CPU_ENGINE": "1", "OMP_NUM_THREADS": "1"},
}
_ADAPTER_BACKENDS: Mapping[Device, tuple[str, ...]] = {
    Device.CUDA: (),
    Device.NPU: ("--lora-backend", "ascend"),
    Device.CPU: ("--lora-backend", "torch_native"),
}
_QUANTIZATION_FLAGS: Mapping[str, tuple[str, ...]] = {"W8A8": ("--quantization", "modelslim")}
"""Only what SGLang does not see in config.json by itself."""
_KV_CACHE_TYPES: Mapping[KVCacheDataType, str] = {KVCacheDataType.BF16: "bfloat16", KVCacheDataType.FP8: "fp8_e4m3"}
_ATTENTION_GROUPS_VERSION: Version = (0, 5, 23)
"""From here on --attn-dp-size stands for --dp-size with --enable-dp-attention, which is deprecated."""

_METRICS: Mapping[EngineMetric, Source] = {
    names.REQUESTS_RUNNING: Source("sglang:num_running_reqs"),
    names.REQUESTS_WAITING: Source("sglang:num_queue_reqs"),
    names.KV_CACHE_USAGE: Source("sglang:token_usage"),
    names.KV_CACHE_CAPACITY: Source("sglang:max_total_num_tokens"),
    names.WEIGHTS: Source("sglang:weight_memory_usage_gb", scale=1 << 30),
    names.STARTUP: Source("sglang:startup_time_seconds"),
    names.PROMPT_TOKENS: Source("sglang:prompt_tokens_total"),
    names.CACHED_TOKENS: Source("sglang:cached_tokens_total"),
    names.GENERATED_TOKENS: Source("sglang:generation_tokens_total"),
    names.TIME_TO_FIRST_TOKEN: Source("sglang:time_to_first_token_seconds"),
    names.TIME_PER_OUTPUT_TOKEN: Source("sglang:request_time_per_output_token_seconds"),
    names.REQUEST_DURATION: Source("sglang:e2e_request_latency_seconds"),
}
"""SGLang 0.5.23 srt/observability/metrics_collector.py; 0.5.16 lacks weights, start-up and time per output token."""

_FOLLOW_UP = re.compile(r"EOFError|died during init|Rank \d+ scheduler|SIGQUIT|kill_process_tree|Engine core")
"""Errors that only report that another process of the engine failed."""
_EXCEPTION = re.compile(r"^(?:\[[^\]]*\] )?(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)\b.*)$")


class SGLang:
    """Adapter of SGLang's HTTP server."""

    name = Engine.SGLANG
    package = "sglang"
    live_path = "/v1/models"
    settle_path: str | None = "/freeze_gc"
    oldest_version: Version = (0, 5, 16)
    worker_names: tuple[str, ...] = ("sglang::schedul", "sglang::detoken", "sglang::data_pa")
    metrics = _METRICS
    keeps_connections = True
    marks_end = True
    takes_sampling = True
    counts_prompts = True
    adapter_paths: tuple[str, str] | None = ("/load_lora_adapter", "/unload_lora_adapter")
    unsupported: Mapping[str, Missing] = {}

    def command(self, config: RuntimeConfig, port: int, version: Version) -> Command:
        """Arguments of the server and the environment they need."""
        return Command(
            launcher=("-m", "sglang.launch_server"),
            arguments=(
                *_serving_flags(config, port),
                *model_flags(config),
                *_DEVICE_FLAGS[config.device],
                *_parallel_flags(config, version),
                *_limit_flags(config),
                *_cache_flags(config),
                *_yarn_flags(config),
                *_adapter_flags(config),
                *_QUANTIZATION_FLAGS.get(config.quantization, ()),
                *config.extra_args,
            ),
            environment=_environment(config),
            member_path="/health",
        )

    def thinking_limit(self, tokens: int) -> Mapping[str, Any]:
        """Read where ``--enable-strict-thinking`` is set (constrained/grammar_manager.py); counts without the end."""
        return {"custom_params": {"thinking_budget": tokens - 1}}

    def adapter_fields(self, name: str) -> Mapping[str, Any]:
        """Its name in "model" alone is answered by the model itself; the answer repeats "model" as it came."""
        return {"lora_path": name}

    def error_line(self, log: Sequence[str]) -> str | None:
        """What argparse or the first process to fail says."""
        return cause(log, (line.strip() for line in log if _EXCEPTION.match(line)), _FOLLOW_UP)


def _serving_flags(config: RuntimeConfig, port: int) -> tuple[str, ...]:
    return (
        *("--model-path", config.model.path),
        *("--served-model-name", config.served_model_name),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--enable-metrics", "--enable-cache-report"),
        # The runtime's first request is the warm-up, and its metrics count the requests.
        *("--skip-server-warmup", "--log-level-http", "warning"),
    )


def _parallel_flags(config: RuntimeConfig, version: Version) -> tuple[str, ...]:
    tensor, expert = config.parallelism.tensor_parallel, config.parallelism.expert_parallel
    return (
        *(("--tp-size", str(tensor)) if tensor > 1 else ()),
        *(("--ep-size", str(expert)) if expert > 1 else ()),
        *_group_flags(config.group),
        *_attention_group_flags(config.parallelism.data_parallel or 1, version),
    )


def _group_flags(group: Group | None) -> tuple[str, ...]:
    if group is None:
        return ()
    meet = f"{group.leader}:{group.port}"
    return ("--nnodes", str(group.nodes), "--node-rank", str(group.rank), "--dist-init-addr", meet)


def _attention_group_flags(groups: int, version: Version) -> tuple[str, ...]:
    if groups == 1:
        return ()
    if version >= _ATTENTION_GROUPS_VERSION:
        return ("--attn-dp-size", str(groups))
    return ("--dp-size", str(groups), "--enable-dp-attention")


def _cache_flags(config: RuntimeConfig) -> tuple[str, ...]:
    if config.kv_cache_data_type is None:
        return ()
    return ("--kv-cache-dtype", _KV_CACHE_TYPES[config.kv_cache_data_type])


def _limit_flags(config: RuntimeConfig) -> tuple[str, ...]:
    limits = config.limits
    flags: tuple[str, ...] = ("--context-length", str(limits.context_length))
    if limits.max_running_requests is not None:
        flags += ("--max-running-requests", str(limits.max_running_requests))
    if limits.max_total_tokens is not None:
        flags += ("--max-total-tokens", str(limits.max_total_tokens))
    return flags


def _yarn_flags(config: RuntimeConfig) -> tuple[str, ...]:
    yarn = scaling(config)
    return () if yarn is None else ("--json-model-override-args", json.dumps({"rope_scaling": yarn.rope_scaling()}))


def _adapter_flags(config: RuntimeConfig) -> tuple[str, ...]:
    if (adapters := config.adapters) is None:
        return ()
    return (
        "--enable-lora",
        *(("--lora-paths", *(f"{one.name}={one.path}" for one in adapters.files)) if adapters.files else ()),
        *("--max-lora-rank", str(adapters.rank), "--lora-target-modules", *adapters.targets),
        # The model without an adapter counts as one.
        *("--max-loras-per-batch", str(adapters.room + 1)),
        *_ADAPTER_BACKENDS[config.device],
    )


def _environment(config: RuntimeConfig) -> dict[str, str]:
    environment = {"HF_HUB_OFFLINE": "1", **_DEVICE_ENVIRONMENT[config.device]}
    if scaling(config) is not None:
        # SGLang derives the length without the factor and would refuse --context-length.
        environment["SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"] = "1"
    return environment


ADAPTER = SGLang()
