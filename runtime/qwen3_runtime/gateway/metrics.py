"""The gateway's Prometheus metrics. Labels name tenants, models and operations that exist, never a client's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from qwen3_runtime.metrics import FIRST_BYTE_BUCKETS

if TYPE_CHECKING:
    from qwen3_runtime.gateway.directory import Directory
    from qwen3_runtime.gateway.forward import Forward
    from qwen3_runtime.gateway.record import Record
    from qwen3_runtime.tenancy import Route


ROUTE = ("model", "deployment_namespace", "deployment")
"""Labels of what the autoscaler reads. Scrapers name the namespace of the gateway's own pod ``namespace``."""


Of = TypeVar("Of", Counter, Histogram)


class Series(dict[tuple[Any, ...], Of]):
    """Those of one metric, by the values of their labels: `labels` takes ten times as long to find one."""

    def __init__(self, metric: Of) -> None:
        super().__init__()
        self._metric: Of = metric

    def __missing__(self, values: tuple[Any, ...]) -> Of:
        """Make one."""
        found: Of = self._metric.labels(*values)
        self[values] = found
        return found


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
        self.held_bytes = Gauge("qwen3_gateway_held_body_bytes", "Bodies of the requests under way.", registry=registry)
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
            "qwen3_gateway_requests_arrived",
            "Requests that no limit refused, counted when they arrive, whether they are served or not.",
            ROUTE,
            registry=registry,
        )
        self._arrived_bytes = Counter(
            "qwen3_gateway_request_bytes_arrived",
            "Bytes of their bodies, as replicas get them.",
            ROUTE,
            registry=registry,
        )
        self._arrived_tokens = Counter(
            "qwen3_gateway_arrived_tokens",
            "Tokens that they are expected to take. kind: prompt, output.",
            [*ROUTE, "kind"],
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
            "Of them, those whose first token came later than the model's target, or not at all; where an answer is no"
            " stream, those that waited longer. Without those that found the model asleep.",
            ROUTE,
            registry=registry,
        )
        self._waiting = Gauge("qwen3_gateway_waiting_requests", "Requests that wait.", ROUTE, registry=registry)
        self._waiting_tokens = Gauge(
            "qwen3_gateway_waiting_tokens", "Expected tokens of those that wait.", ROUTE, registry=registry
        )
        self._in_flight = Gauge(
            "qwen3_gateway_requests_in_flight", "Requests at the replicas.", ["model"], registry=registry
        )
        self._replicas = Gauge("qwen3_gateway_replicas", "Ready replicas.", ["model"], registry=registry)
        self._of_requests, self._of_tokens = Series(self.requests), Series(self.tokens)
        self._of_first_byte, self._of_waited = Series(self.first_byte), Series(self._waited)
        self._of_arrived, self._of_arrived_bytes = Series(self._arrived), Series(self._arrived_bytes)
        self._of_arrived_tokens = Series(self._arrived_tokens)

    def observe(self, record: Record) -> None:
        """Count one finished request."""
        self._of_requests[record.tenant, record.model, record.operation, record.code].inc()
        if record.first_byte is not None:
            self._of_first_byte[record.model,].observe(record.first_byte)
        usage = record.usage
        for kind, count in (
            ("prompt", usage.prompt),
            ("cached", usage.cached),
            ("thinking", usage.thinking),
            ("answer", usage.answer),
        ):
            if count:
                self._of_tokens[record.tenant, record.model, kind].inc(count)

    def arrived(self, forward: Forward) -> None:
        """Count the work of a request at its arrival."""
        route, prompt = labels(forward.model.route), forward.estimate.prompt
        self._of_arrived[route].inc()
        self._of_arrived_bytes[route].inc(len(forward.call.body))
        self._of_arrived_tokens[*route, "prompt"].inc(prompt)
        self._of_arrived_tokens[*route, "output"].inc(forward.work - prompt)

    def served(self, forward: Forward, *, failed: bool) -> None:
        """Count how long a request waited and whether it met its target; ``failed``: the gateway gave it up."""
        record, route = forward.record, forward.model.route
        self._of_waited[route.name,].observe(record.waited)
        if is_late(record, route.first_token_target_seconds, streams=forward.call.stream, failed=failed):
            self._missed.labels(*labels(route)).inc()

    def render(self, directory: Directory) -> bytes:
        """Prometheus text."""
        self._in_flight.clear()
        self._replicas.clear()
        self._waiting.clear()
        self._waiting_tokens.clear()
        for name, model in directory.models.items():
            route = labels(model.route)
            for counter in (self._arrived, self._arrived_bytes, self._missed):
                counter.labels(*route)  # 0 at first: who reads them sees that this gateway has the route
            for kind in ("prompt", "output"):
                self._arrived_tokens.labels(*route, kind)
            self._in_flight.labels(name).set(sum(replica.in_flight for replica in model.replicas))
            self._replicas.labels(name).set(len(model.replicas))
            self._waiting.labels(*route).set(len(model.queue))
            self._waiting_tokens.labels(*route).set(model.queue.work)
        return generate_latest(self.registry)


def labels(route: Route) -> tuple[str, str, str]:
    """Values of `ROUTE`."""
    return route.name, route.namespace, route.deployment


def is_late(record: Record, target: float | None, *, streams: bool, failed: bool) -> bool:
    """Whether a request missed its first token's target in seconds, as far as that can be known.

    What is no stream shows no first token: only what waited for longer surely missed it. No replica more would have
    spared a request the start of the first.
    """
    if target is None or record.woke:
        return False
    if record.first_byte is None:
        return failed or record.elapsed() > target
    return (record.first_byte if streams else record.waited) > target
