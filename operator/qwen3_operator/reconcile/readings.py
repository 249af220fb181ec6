"""What an engine's metrics say of one replica's capacity and load. Pure.

Names and units are SGLang's (0.5.16 to 0.5.23, ``srt/observability/metrics_collector.py``); its ``_gb`` gauges count
2^30 bytes of one device. Series of one name differ by labels such as dp_rank and is_streaming.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

_PREFIX = "sglang:"
_KV_TOKENS = "max_total_num_tokens"
_WEIGHTS = "weight_memory_usage_gb"
_FIRST_TOKEN = "time_to_first_token_seconds"  # noqa: S105 - a metric
_OUTPUT_TOKEN = "request_time_per_output_token_seconds"  # noqa: S105 - a metric
_REQUEST = "e2e_request_latency_seconds"
_PROMPT = "prompt_tokens_total"
_ANSWER = "generation_tokens_total"
_GIB = 1 << 30


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


def reading(text: str, at: float) -> Reading | None:
    """A reading from the Prometheus text; None where no engine speaks in it."""
    found = _series(text)
    if not found:
        return None

    def total(name: str) -> float:
        return sum(found.get(name, ()))

    return Reading(
        at=at,
        kv_cache_tokens=round(total(_KV_TOKENS)),
        weight_bytes=round(max(found.get(_WEIGHTS, ()), default=0.0) * _GIB),
        first_token_seconds=total(f"{_FIRST_TOKEN}_sum"),
        first_tokens=total(f"{_FIRST_TOKEN}_count"),
        output_token_seconds=total(f"{_OUTPUT_TOKEN}_sum"),
        output_token_requests=total(f"{_OUTPUT_TOKEN}_count"),
        request_seconds=total(f"{_REQUEST}_sum"),
        prompt_tokens=total(_PROMPT),
        answer_tokens=total(_ANSWER),
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
    )


def _series(text: str) -> dict[str, list[float]]:
    """Values by name without the prefix. Buckets and comments are passed over unread."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for line in text.splitlines():
        if not line.startswith(_PREFIX):
            continue
        name = line[len(_PREFIX) :].partition("{")[0].partition(" ")[0]
        if name in _WANTED:
            found[name].append(_number(line.rpartition(" ")[2]))
    return found


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if value == value and abs(value) != float("inf") else 0.0  # noqa: PLR0124 - NaN


_WANTED = frozenset(
    {_KV_TOKENS, _WEIGHTS, _PROMPT, _ANSWER}
    | {f"{name}_{part}" for name in (_FIRST_TOKEN, _OUTPUT_TOKEN, _REQUEST) for part in ("sum", "count")}
)
