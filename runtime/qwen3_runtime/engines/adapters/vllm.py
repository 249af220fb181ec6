"""vLLM on CUDA and CPU, vLLM-Ascend on NPUs.

Flags were checked against the argument parser of 0.32.0. vLLM-Ascend is a plugin of the same server; its flags are
rendered from its documentation (https://docs.vllm.ai/projects/ascend) and not run.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from qwen3_runtime import engine_metrics as names
from qwen3_runtime.config import (
    Device,
    Engine,
    KVCacheDataType,
    RuntimeConfig,
    Task,
    ThinkingMode,
    ToolCallFormat,
)
from qwen3_runtime.engines.base import Command, Missing, Version
from qwen3_runtime.engines.error_lines import cause
from qwen3_runtime.engines.template import template_flags
from qwen3_runtime.engines.translation import Source
from qwen3_runtime.engines.yarn import scaling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.engine_metrics import EngineMetric

_DEVICE_FLAGS: Mapping[Device, tuple[str, ...]] = {
    Device.CUDA: (),
    Device.NPU: (),
    # Compiling takes minutes and a compiler that the image does not have.
    Device.CPU: ("--enforce-eager",),
}
_DEVICE_ENVIRONMENT: Mapping[Device, Mapping[str, str]] = {
    Device.CUDA: {},
    Device.NPU: {},
    # GiB of KV cache (else most of the host's memory), one thread that is not tied to a core that neighbours use.
    Device.CPU: {"VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"},
}
_QUANTIZATION_FLAGS: Mapping[str, tuple[str, ...]] = {"W8A8": ("--quantization", "ascend")}
"""Only what vLLM does not see in config.json by itself."""
_KV_CACHE_TYPES: Mapping[KVCacheDataType, str] = {KVCacheDataType.BF16: "bfloat16", KVCacheDataType.FP8: "fp8_e4m3"}
_TOOL_CALL_PARSERS: Mapping[ToolCallFormat, str] = {ToolCallFormat.JSON: "hermes", ToolCallFormat.XML: "qwen3_coder"}
_METRICS: Mapping[EngineMetric, Source] = {
    names.REQUESTS_RUNNING: Source("vllm:num_requests_running"),
    names.REQUESTS_WAITING: Source("vllm:num_requests_waiting"),
    names.KV_CACHE_USAGE: Source("vllm:kv_cache_usage_perc"),
    names.PROMPT_TOKENS: Source("vllm:prompt_tokens_total"),
    names.CACHED_TOKENS: Source("vllm:prompt_tokens_cached_total"),
    names.GENERATED_TOKENS: Source("vllm:generation_tokens_total"),
    names.TIME_TO_FIRST_TOKEN: Source("vllm:time_to_first_token_seconds"),
    names.TIME_PER_OUTPUT_TOKEN: Source("vllm:request_time_per_output_token_seconds"),
    names.REQUEST_DURATION: Source("vllm:e2e_request_latency_seconds"),
}
"""vLLM 0.32.0 v1/metrics/loggers.py; ``kv_cache_usage_perc`` runs from 0 to 1 in spite of its name."""
_FOLLOW_UP = re.compile(r"Engine core initialization failed|EngineDeadError|died unexpectedly|See root cause above")
_EXCEPTION = re.compile(r"(?:^|ERROR [^\]]*\] )([A-Za-z_][\w.]*(?:Error|Exception): .*)$")


class VLLM:
    """Adapter of vLLM's HTTP server."""

    name = Engine.VLLM
    package = "vllm"
    live_path = "/health"
    settle_path: str | None = None
    oldest_version: Version = (0, 32)
    worker_names: tuple[str, ...] = ("VLLM::EngineCor", "VLLM::Worker")
    metrics = _METRICS
    keeps_connections = True
    marks_end = True
    takes_sampling = True
    counts_prompts = False
    adapter_paths: tuple[str, str] | None = ("/v1/load_lora_adapter", "/v1/unload_lora_adapter")
    unsupported: Mapping[str, Missing] = {}

    def command(self, config: RuntimeConfig, port: int, version: Version) -> Command:
        """Arguments of the server and the environment they need."""
        del version
        return Command(
            # `vllm serve` asks for the distribution "vllm", which builds for the CPU do not have.
            launcher=("-m", "vllm.entrypoints.openai.api_server"),
            arguments=(
                *("--model", config.model.path, "--served-model-name", config.served_model_name),
                *("--host", "127.0.0.1", "--port", str(port)),
                *("--enable-prompt-tokens-details", "--disable-uvicorn-access-log"),
                *_model_flags(config),
                *_DEVICE_FLAGS[config.device],
                *_parallel_flags(config),
                *_limit_flags(config),
                *_yarn_flags(config),
                *_adapter_flags(config),
                *_QUANTIZATION_FLAGS.get(config.quantization, ()),
                *config.extra_args,
            ),
            environment=_environment(config),
        )

    def thinking_limit(self, tokens: int) -> None:
        """Not known to be exact to the token here."""
        del tokens

    def adapter_fields(self, name: str) -> Mapping[str, Any]:
        """Its name in "model" is enough."""
        del name
        return {}

    def error_line(self, log: Sequence[str]) -> str | None:
        """What argparse or the first process to fail says."""
        exceptions = (found[1].strip() for line in log if (found := _EXCEPTION.search(line)))
        return cause(log, exceptions, _FOLLOW_UP)


def _model_flags(config: RuntimeConfig) -> tuple[str, ...]:
    if config.task is Task.EMBED:
        return ("--runner", "pooling", "--convert", "embed")
    if config.task is Task.RERANK:
        return ("--runner", "pooling", "--convert", "classify")
    mode = config.thinking_mode or ThinkingMode.HYBRID
    parser = _TOOL_CALL_PARSERS[config.tool_call_format or ToolCallFormat.JSON]
    flags: tuple[str, ...] = ("--enable-auto-tool-choice", "--tool-call-parser", parser)
    if mode is not ThinkingMode.NEVER:
        flags += ("--reasoning-parser", "qwen3")
    return (*flags, *template_flags("--default-chat-template-kwargs", config))


def _parallel_flags(config: RuntimeConfig) -> tuple[str, ...]:
    """It counts the devices of one attention group, and shares the experts over all of them."""
    parallelism = config.parallelism
    groups = parallelism.data_parallel or 1
    tensor = parallelism.tensor_parallel // groups
    return (
        *(("--tensor-parallel-size", str(tensor)) if tensor > 1 else ()),
        *(("--data-parallel-size", str(groups)) if groups > 1 else ()),
        *(("--enable-expert-parallel",) if parallelism.expert_parallel > 1 else ()),
    )


def _limit_flags(config: RuntimeConfig) -> tuple[str, ...]:
    limits = config.limits
    flags: tuple[str, ...] = ("--max-model-len", str(limits.context_length))
    if limits.max_running_requests is not None:
        flags += ("--max-num-seqs", str(limits.max_running_requests))
    if config.kv_cache_data_type is not None:
        flags += ("--kv-cache-dtype", _KV_CACHE_TYPES[config.kv_cache_data_type])
    return flags


def _yarn_flags(config: RuntimeConfig) -> tuple[str, ...]:
    yarn = scaling(config)
    return () if yarn is None else ("--hf-overrides", json.dumps({"rope_scaling": yarn.rope_scaling()}))


def _adapter_flags(config: RuntimeConfig) -> tuple[str, ...]:
    if (adapters := config.adapters) is None:
        return ()
    return (
        "--enable-lora",
        *(("--lora-modules", *(f"{one.name}={one.path}" for one in adapters.files)) if adapters.files else ()),
        *("--max-lora-rank", str(adapters.rank), "--lora-target-modules", *adapters.targets),
        *("--max-loras", str(adapters.room)),
    )


def _environment(config: RuntimeConfig) -> dict[str, str]:
    environment = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", **_DEVICE_ENVIRONMENT[config.device]}
    if config.adapters is not None and config.adapters.list_path is not None:
        # Opens the two paths of `VLLM.adapter_paths`, on loopback.
        environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    return environment


ADAPTER = VLLM()
