"""What an engine's metrics say of one replica's capacity and load, whichever engine it is. Pure.

The names are neutral (``qwen3_runtime.engine_metrics``): one series each, absent where the engine says nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from qwen3_runtime.engine_metrics import (
    CACHED_TOKENS,
    ENGINE_METRICS,
    GENERATED_TOKENS,
    KV_CACHE_CAPACITY,
    PROMPT_TOKENS,
    REQUEST_DURATION,
    TIME_PER_OUTPUT_TOKEN,
    TIME_TO_FIRST_TOKEN,
    WEIGHTS,
    EngineMetric,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at ``/metrics``. Sums and counts run from the engine's start."""

    at: float
    """Monotonic seconds."""
    kv_cache_tokens: int
    """Of the replica; 0 where the engine does not say."""
    weight_bytes: int
    """On one device, the fullest; 0 where the engine does not say."""
    first_token_seconds: float
    first_tokens: float
    """Requests that got one."""
    output_token_seconds: float
    """Sum over requests of their mean time per output token."""
    output_token_requests: float
    request_seconds: float
    """Sum over requests of the time that they took."""
    prompt_tokens: float
    answer_tokens: float
    cached_tokens: float
    """Of the prompts'; 0 where the engine does not say."""

    def is_before(self, later: Reading) -> bool:
        """Whether ``later`` counts on from here: after a restart the engine counts from zero."""
        return later.first_tokens >= self.first_tokens and later.request_seconds >= self.request_seconds


@dataclass(frozen=True, slots=True)
class Load:
    """What went through one replica between two readings: means."""

    requests: int
    first_token_seconds: float
    output_token_seconds: float | None
    """None where no request had a second token."""
    running: float
    """Requests in flight: their time by the time that passed (Little's law)."""
    prompt_tokens: int
    answer_tokens: int
    cached_tokens: int = 0
    """Of the prompts'."""


def reading(text: str, at: float) -> Reading | None:
    """A reading from the Prometheus text; None where no engine speaks in it."""
    found = _values(text)
    if not found:
        return None

    def value(metric: EngineMetric, part: str = "") -> float:
        return found.get(metric.name + part, 0.0)

    return Reading(
        at=at,
        kv_cache_tokens=round(value(KV_CACHE_CAPACITY)),
        weight_bytes=round(value(WEIGHTS)),
        first_token_seconds=value(TIME_TO_FIRST_TOKEN, "_sum"),
        first_tokens=value(TIME_TO_FIRST_TOKEN, "_count"),
        output_token_seconds=value(TIME_PER_OUTPUT_TOKEN, "_sum"),
        output_token_requests=value(TIME_PER_OUTPUT_TOKEN, "_count"),
        request_seconds=value(REQUEST_DURATION, "_sum"),
        prompt_tokens=value(PROMPT_TOKENS),
        answer_tokens=value(GENERATED_TOKENS),
        cached_tokens=value(CACHED_TOKENS),
    )


def load_between(first: Reading, last: Reading) -> Load | None:
    """The load between two readings of one engine; None where nothing was asked of it."""
    requests, seconds = last.first_tokens - first.first_tokens, last.at - first.at
    if requests < 1 or seconds <= 0:
        return None
    streams = last.output_token_requests - first.output_token_requests
    spent = last.output_token_seconds - first.output_token_seconds
    return Load(
        requests=round(requests),
        first_token_seconds=(last.first_token_seconds - first.first_token_seconds) / requests,
        output_token_seconds=spent / streams if streams >= 1 else None,
        running=(last.request_seconds - first.request_seconds) / seconds,
        prompt_tokens=max(1, round((last.prompt_tokens - first.prompt_tokens) / requests)),
        answer_tokens=max(1, round((last.answer_tokens - first.answer_tokens) / requests)),
        cached_tokens=max(0, round((last.cached_tokens - first.cached_tokens) / requests)),
    )


def _values(text: str) -> dict[str, float]:
    """By name; series with labels, such as buckets, are passed over."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith(_PREFIXES):
            name, _, value = line.partition(" ")
            found[name] = _number(value)
    return found


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if value == value and abs(value) != float("inf") else 0.0  # noqa: PLR0124 - NaN


_PREFIXES = tuple(metric.name for metric in ENGINE_METRICS)
