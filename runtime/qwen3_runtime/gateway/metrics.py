"""The gateway's Prometheus metrics. Labels name tenants, models and operations that exist, never a client's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from qwen3_runtime.metrics import FIRST_BYTE_BUCKETS

if TYPE_CHECKING:
    from qwen3_runtime.gateway.directory import Directory
    from qwen3_runtime.gateway.record import Record
    from qwen3_runtime.tenancy import Route


class Metrics:
    """Counters of one process in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "qwen3_gateway_requests",
            "Requests answered. code is the HTTP status, 499 when the client left first.",
            ["tenant", "model", "operation", "code"],
            registry=registry,
        )
        self.tokens = Counter(
            "qwen3_gateway_tokens",
            "Tokens by the engines' own count. kind: prompt (with cached), cached, thinking, answer.",
            ["tenant", "model", "kind"],
            registry=registry,
        )
        self.limited = Counter(
            "qwen3_gateway_limited", "Requests refused by a limit or quota.", ["tenant", "limit"], registry=registry
        )
        self.store_away = Gauge(
            "qwen3_gateway_store_away",
            "1 while the shared counters cannot be reached and limits hold by this gateway's share.",
            registry=registry,
        )
        self.first_byte = Histogram(
            "qwen3_gateway_time_to_first_byte_seconds",
            "From a request's arrival to the first byte of its answer's body.",
            ["model"],
            buckets=FIRST_BYTE_BUCKETS,
            registry=registry,
        )
        self.retries = Counter(
            "qwen3_gateway_retries", "Attempts at another replica before the first byte.", ["model"], registry=registry
        )
        self._arrived = Counter(
            "qwen3_gateway_arrived_tokens",
            "Expected tokens of requests at their arrival, whether they are served or not. kind: prompt, output.",
            ["model", "kind"],
            registry=registry,
        )
        self._waited = Histogram(
            "qwen3_gateway_queue_seconds",
            "From a request's arrival until a replica took it or it was given up.",
            ["model"],
            buckets=FIRST_BYTE_BUCKETS,
            registry=registry,
        )
        self._missed = Counter(
            "qwen3_gateway_first_token_missed",
            "Requests whose first byte came later than the model's first-token target, or not at all.",
            ["model"],
            registry=registry,
        )
        self._waiting = Gauge("qwen3_gateway_waiting_requests", "Requests that wait.", ["model"], registry=registry)
        self._waiting_tokens = Gauge(
            "qwen3_gateway_waiting_tokens", "Expected tokens of those that wait.", ["model"], registry=registry
        )
        self._in_flight = Gauge(
            "qwen3_gateway_requests_in_flight", "Requests at the replicas.", ["model"], registry=registry
        )
        self._replicas = Gauge("qwen3_gateway_replicas", "Ready replicas.", ["model"], registry=registry)

    def observe(self, record: Record) -> None:
        """Count one finished request."""
        self.requests.labels(record.tenant, record.model, record.operation, record.code).inc()
        if record.first_byte is not None:
            self.first_byte.labels(record.model).observe(record.first_byte)
        usage = record.usage
        for kind, count in (
            ("prompt", usage.prompt),
            ("cached", usage.cached),
            ("thinking", usage.thinking),
            ("answer", usage.answer),
        ):
            if count:
                self.tokens.labels(record.tenant, record.model, kind).inc(count)

    def arrived(self, model: str, prompt: float, output: float) -> None:
        """Count the work of a request at its arrival."""
        self._arrived.labels(model, "prompt").inc(prompt)
        self._arrived.labels(model, "output").inc(output)

    def served(self, record: Record, route: Route) -> None:
        """Count how long a request waited and whether it met its target, up to now where it got no byte."""
        self._waited.labels(route.name).observe(record.waited)
        target = route.first_token_target_seconds
        took = record.elapsed() if record.first_byte is None else record.first_byte
        if target is not None and took > target:
            self._missed.labels(route.name).inc()

    def render(self, directory: Directory) -> bytes:
        """Prometheus text."""
        self._in_flight.clear()
        self._replicas.clear()
        self._waiting.clear()
        self._waiting_tokens.clear()
        for name, model in directory.models.items():
            self._in_flight.labels(name).set(sum(replica.in_flight for replica in model.replicas))
            self._replicas.labels(name).set(len(model.replicas))
            self._waiting.labels(name).set(len(model.queue))
            self._waiting_tokens.labels(name).set(model.queue.work)
        return generate_latest(self.registry)
