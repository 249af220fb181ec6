"""Names that an engine's metrics have on the management port, whichever engine it is (docs/metrics.md).

Part of the contract: the operator reads these and no engine's own. Names follow Prometheus' conventions
(https://prometheus.io/docs/practices/naming/): base units, ``_total`` for counters. A metric of which the engine says
nothing is absent, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Type of a metric in Prometheus' text format."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Combine(StrEnum):
    """What becomes of several series of the engine, say one of each rank."""

    SUM = "sum"
    MAX = "max"


@dataclass(frozen=True)
class EngineMetric:
    """One neutral metric. It has no labels but ``label``: a pod is one engine with one model."""

    name: str
    kind: Kind
    help: str
    combine: Combine = Combine.SUM
    label: str | None = None


REQUESTS_RUNNING = EngineMetric("qwen3_engine_requests_running", Kind.GAUGE, "Requests that the engine computes.")
REQUESTS_WAITING = EngineMetric("qwen3_engine_requests_waiting", Kind.GAUGE, "Requests in the engine's own queue.")
KV_CACHE_USAGE = EngineMetric(
    "qwen3_engine_kv_cache_usage_ratio",
    Kind.GAUGE,
    "Part of the KV cache that requests hold, from 0 to 1; of the fullest rank.",
    Combine.MAX,
)
KV_CACHE_CAPACITY = EngineMetric(
    "qwen3_engine_kv_cache_capacity_tokens", Kind.GAUGE, "Tokens that fit into the KV cache of the replica."
)
WEIGHTS = EngineMetric(
    "qwen3_engine_weights_bytes", Kind.GAUGE, "Memory of the weights on one device, the fullest.", Combine.MAX
)
STARTUP = EngineMetric(
    "qwen3_engine_startup_seconds",
    Kind.GAUGE,
    "Seconds of each part of the engine's start, as the engine divides it.",
    Combine.MAX,
    "phase",
)
PROMPT_TOKENS = EngineMetric(
    "qwen3_engine_prompt_tokens_total", Kind.COUNTER, "Tokens of prompts, cached ones included."
)
CACHED_TOKENS = EngineMetric(
    "qwen3_engine_cached_prompt_tokens_total", Kind.COUNTER, "Tokens of prompts that were found in the KV cache."
)
GENERATED_TOKENS = EngineMetric("qwen3_engine_generated_tokens_total", Kind.COUNTER, "Tokens generated.")
TIME_TO_FIRST_TOKEN = EngineMetric(
    "qwen3_engine_time_to_first_token_seconds",
    Kind.HISTOGRAM,
    "From a request's arrival in the engine to its first token. The buckets are the engine's.",
)
TIME_PER_OUTPUT_TOKEN = EngineMetric(
    "qwen3_engine_time_per_output_token_seconds",
    Kind.HISTOGRAM,
    "Mean time per token after the first, one observation per request. The buckets are the engine's.",
)
REQUEST_DURATION = EngineMetric(
    "qwen3_engine_request_duration_seconds",
    Kind.HISTOGRAM,
    "From a request's arrival in the engine to its last token. The buckets are the engine's.",
)

ENGINE_METRICS: tuple[EngineMetric, ...] = (
    REQUESTS_RUNNING,
    REQUESTS_WAITING,
    KV_CACHE_USAGE,
    KV_CACHE_CAPACITY,
    WEIGHTS,
    STARTUP,
    PROMPT_TOKENS,
    CACHED_TOKENS,
    GENERATED_TOKENS,
    TIME_TO_FIRST_TOKEN,
    TIME_PER_OUTPUT_TOKEN,
    REQUEST_DURATION,
)
"""All of them, in the order of the page and of the answer."""
