"""llama.cpp's server on GGUF files: ``llama-server``, or the same server out of the distribution `xllamacpp`.

Options were checked against llama.cpp's ``common/arg.cpp`` (b11549). Each slot has a context of its own, since a KV
cache that slots share fails every running request once it is full.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime import engine_metrics as names
from qwen3_runtime.config import Device, Engine, KVCacheDataType, RuntimeConfig, Task
from qwen3_runtime.engines.base import Command, Missing, Version
from qwen3_runtime.engines.launchers import llama_server
from qwen3_runtime.engines.template import template_flags
from qwen3_runtime.engines.translation import Source
from qwen3_runtime.engines.yarn import scaling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.engine_metrics import EngineMetric

DEFAULT_SLOTS = 4
"""llama-server's own choice (tools/server/server.cpp)."""
_KV_CACHE_TYPES: Mapping[KVCacheDataType, str] = {
    KVCacheDataType.BF16: "bf16",
    # llama.cpp has no 8-bit floats; this is its 8-bit type.
    KVCacheDataType.FP8: "q8_0",
}
_METRICS: Mapping[EngineMetric, Source] = {
    names.REQUESTS_RUNNING: Source("llamacpp:requests_processing"),
    names.REQUESTS_WAITING: Source("llamacpp:requests_deferred"),
    names.PROMPT_TOKENS: Source("llamacpp:prompt_tokens_total", plus="llamacpp:prompt_tokens_cached_total"),
    names.CACHED_TOKENS: Source("llamacpp:prompt_tokens_cached_total"),
    names.GENERATED_TOKENS: Source("llamacpp:tokens_predicted_total"),
}
"""tools/server/server-task.cpp. Builds before the counter of cached tokens leave both kinds of prompt tokens out."""
_ERROR = re.compile(r"error|failed|unable|invalid argument", re.IGNORECASE)
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception): ")


class LlamaCpp:
    """Adapter of llama.cpp's HTTP server."""

    name = Engine.LLAMA_CPP
    package = "xllamacpp"
    live_path = "/health"
    settle_path: str | None = None
    # Versions of xllamacpp begin with the year, those of llama-server are build numbers, which are larger.
    oldest_version: Version = (2026, 10)
    worker_names: tuple[str, ...] = ()
    metrics = _METRICS
    keeps_connections = False
    marks_end = True
    takes_sampling = True
    counts_prompts = False
    adapter_paths: tuple[str, str] | None = None
    unsupported: Mapping[str, Missing] = {}

    def command(self, config: RuntimeConfig, port: int, version: Version) -> Command:
        """Options of llama-server."""
        del version
        return Command(
            launcher=(str(Path(llama_server.__file__)),),
            arguments=(
                *("--model", config.model.path, "--alias", config.served_model_name),
                *("--host", "127.0.0.1", "--port", str(port)),
                *("--metrics", "--offline", "--no-ui", "--no-slots"),
                *_layer_options(config),
                *_limit_options(config),
                *_cache_options(config),
                *_yarn_options(config),
                *_model_options(config),
                *config.extra_args,
            ),
        )

    def thinking_limit(self, tokens: int) -> None:
        """llama.cpp has a budget for all requests of a server only."""
        del tokens

    def adapter_fields(self, name: str) -> None:
        """It has adapters for all requests of a server, none under a name of its own."""
        del name

    def error_line(self, log: Sequence[str]) -> str | None:
        """The first error: those that follow only report that loading failed."""
        for line in log:
            if ": error: " in line:
                return line.split(": error: ", 1)[1].strip()
        errors = [line.strip() for line in log if _ERROR.search(line) and not _EXCEPTION.match(line)]
        exceptions = [line.strip() for line in log if _EXCEPTION.match(line)]
        return next(iter(errors or exceptions), None)


def _layer_options(config: RuntimeConfig) -> tuple[str, ...]:
    if config.device is Device.CPU:
        return ("--n-gpu-layers", "0")
    if config.device_layers is not None:
        return ("--n-gpu-layers", str(config.device_layers))
    return ("--n-gpu-layers", "999")  # more than any model has: all of them


def _limit_options(config: RuntimeConfig) -> tuple[str, ...]:
    limits = config.limits
    slots = limits.max_running_requests or DEFAULT_SLOTS
    if limits.max_total_tokens is not None:
        slots = max(1, min(slots, limits.max_total_tokens // limits.context_length))
    return ("--ctx-size", str(slots * limits.context_length), "--parallel", str(slots))


def _cache_options(config: RuntimeConfig) -> tuple[str, ...]:
    if config.kv_cache_data_type is None:
        return ()
    kind = _KV_CACHE_TYPES[config.kv_cache_data_type]
    return ("--cache-type-k", kind, "--cache-type-v", kind)


def _yarn_options(config: RuntimeConfig) -> tuple[str, ...]:
    yarn = scaling(config)
    if yarn is None:
        return ()
    return ("--rope-scaling", "yarn", "--rope-scale", f"{yarn.factor:g}", "--yarn-orig-ctx", str(yarn.trained_length))


def _model_options(config: RuntimeConfig) -> tuple[str, ...]:
    if config.task is Task.EMBED:
        return ("--embeddings", "--pooling", "last")
    if config.task is Task.RERANK:
        return ("--reranking",)
    return template_flags("--chat-template-kwargs", config)


ADAPTER = LlamaCpp()
