"""The runtime's own Prometheus metrics; the engine's stand beside them in the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from qwen3_runtime.config import Phase
from qwen3_runtime.engines.translation import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.engine_metrics import EngineMetric
    from qwen3_runtime.engines.translation import Source
    from qwen3_runtime.phases import Phases
    from qwen3_runtime.server.answer import Answer

FIRST_BYTE_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
"""Seconds. Starts below the engine's own lowest bucket (0.1 s), which small models never leave."""
FIRST_ANSWER_BUCKETS = (*FIRST_BYTE_BUCKETS, 200, 500, 1000)
"""Seconds; a thought of 38,912 tokens, the longest that Qwen's documents speak of, takes minutes."""

_WEIGHTS = (
    ("bytes_done", "fetched_bytes", "Bytes of the model's source that lie on the volume."),
    ("bytes_total", "source_bytes", "Bytes of the model's source. 0: nothing is to be fetched, or not yet known."),
    ("bytes_per_second", "fetch_bytes_per_second", "Rate over the last seconds of the fetch."),
    ("files_done", "verified_files", "Files whose checksum was right."),
    ("retries", "fetch_retries", "Requests repeated since the present attempt to fetch began."),
)
"""Field of `FetchProgress`, name, help."""


class Metrics:
    """Counters of one process in a registry of their own."""

    def __init__(self, translation: Mapping[EngineMetric, Source]) -> None:
        self._translation = translation
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "qwen3_runtime_requests",
            "Requests answered. code is the HTTP status, for a stream cut after its start the status it would have had"
            " (502 engine failed, 503 shut down), 499 when the client left first.",
            ["path", "code"],
            registry=self.registry,
        )
        self.arrived = Counter(
            "qwen3_runtime_requests_arrived",
            "Requests for the engine, counted when they arrive, not when they are answered. via: gateway or direct.",
            ["path", "via"],
            registry=self.registry,
        )
        self.arrived_bytes = Counter(
            "qwen3_runtime_request_bytes_arrived", "Bytes of their bodies.", ["path", "via"], registry=self.registry
        )
        self.in_flight = Gauge(
            "qwen3_runtime_requests_in_flight", "Requests forwarded and not finished.", registry=self.registry
        )
        self.first_byte = Histogram(
            "qwen3_runtime_time_to_first_byte_seconds",
            "From the request's arrival to the first byte of the answer's body. stream: whether the answer came as a"
            " stream, where this is the time to the first token.",
            ["path", "stream"],
            buckets=FIRST_BYTE_BUCKETS,
            registry=self.registry,
        )
        self.first_answer = Histogram(
            "qwen3_runtime_time_to_first_answer_token_seconds",
            "Of streams: from the request's arrival to the first token after the thought.",
            ["path"],
            buckets=FIRST_ANSWER_BUCKETS,
            registry=self.registry,
        )
        self.tokens = Counter(
            "qwen3_runtime_tokens",
            "Tokens of complete answers as the engine counted them: prompt, thinking (the tags included), answer.",
            ["path", "kind"],
            registry=self.registry,
        )
        self._phase_seconds = Gauge(
            "qwen3_runtime_phase_seconds", "Seconds spent in each phase so far.", ["phase"], registry=self.registry
        )
        self._weights = {
            field: Gauge(f"qwen3_runtime_weights_{name}", text, registry=self.registry)
            for field, name, text in _WEIGHTS
        }
        self._weights_origin = Gauge(
            "qwen3_runtime_weights_origin",
            "1 for how the weights came here: Cache (a warm start), OtherPod, Source. Absent where nothing is fetched.",
            ["origin"],
            registry=self.registry,
        )
        self._draining = Gauge("qwen3_runtime_draining", "1 after SIGTERM.", registry=self.registry)
        self._engine_up = Gauge(
            "qwen3_runtime_engine_metrics_up", "1 when this answer holds the engine's metrics.", registry=self.registry
        )

    def observe(self, path: str, answer: Answer) -> None:
        """Count what one answer took."""
        if answer.first_byte is not None:
            self.first_byte.labels(path, "true" if answer.is_stream else "false").observe(answer.first_byte)
        if answer.first_answer is not None:
            self.first_answer.labels(path).observe(answer.first_answer)
        if answer.usage is not None:
            for kind, count in vars(answer.usage).items():
                self.tokens.labels(path, kind).inc(count)

    def render(self, phases: Phases, engine: bytes | None) -> bytes:
        """Prometheus text: own metrics, the engine's under neutral names, then as they came. ``None``: it gave none."""
        for phase, seconds in phases.seconds().items():
            self._phase_seconds.labels(phase).set(seconds)
        if phases.progress is not None:
            for field, gauge in self._weights.items():
                gauge.set(getattr(phases.progress, field))
        if phases.weights_origin is not None:
            self._weights_origin.labels(phases.weights_origin).set(1)
        self._draining.set(phases.current is Phase.DRAINING)
        self._engine_up.set(engine is not None)
        own = generate_latest(self.registry)
        return own if engine is None else own + translate(engine, self._translation) + engine
