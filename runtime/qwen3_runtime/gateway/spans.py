"""A span of OpenTelemetry for each request, sent to a collector: what the access log has, and not a word more.

The SDK's own variables say where to and how many, OTEL_EXPORTER_OTLP_ENDPOINT first
(opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables).
"""

from __future__ import annotations

import os
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from qwen3_runtime.gateway.operations import COUNT_TOKENS

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from qwen3_runtime.gateway.record import Record
    from qwen3_runtime.server.asgi import Scope

_SERVICE = "qwen3-gateway"
_NANOSECONDS = 10**9
_LAST_SECONDS = 3.0
_CONTEXT = TraceContextTextMapPropagator()


class Spans:
    """They leave in batches, by a thread of the SDK. Where no collector takes them spans are lost, never a request."""

    def __init__(self) -> None:
        resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", _SERVICE)})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(__name__)

    def begin(self, scope: Scope, record: Record) -> Span:
        """The span of a request: a child of its client's, in whose place replicas are told of it."""
        sent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _FIELDS}
        began = int(record.arrived_at * _NANOSECONDS)
        span = self._tracer.start_span(scope["method"], _CONTEXT.extract(sent), SpanKind.SERVER, start_time=began)
        told: dict[str, str] = {}
        _CONTEXT.inject(told, set_span_in_context(span))
        others = [header for header in scope["headers"] if header[0] not in _FIELDS]
        scope["headers"] = others + [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
        record.trace = format_trace_id(span.get_span_context().trace_id)
        return span

    def end(self, span: Span, scope: Scope, record: Record) -> None:
        """What became of the request, under the names of OpenTelemetry's conventions for HTTP and generative AI."""
        if span.is_recording():
            if record.operation:
                span.update_name(f"{scope['method']} {record.operation}")
            span.set_attributes({name: value for name, value in _attributes(scope, record).items() if value != ""})
            if record.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.set_status(StatusCode.ERROR)
        span.end(int((record.arrived_at + record.seconds) * _NANOSECONDS))

    def close(self) -> None:
        """Send what waits, within some seconds."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(_LAST_SECONDS)


_FIELDS = frozenset(name.encode() for name in _CONTEXT.fields)


def _attributes(scope: Scope, record: Record) -> dict[str, str | int | float]:
    found: dict[str, str | int | float] = {
        "http.request.method": scope["method"],
        "http.route": record.operation,
        "http.response.status_code": record.code,
        "gen_ai.request.model": record.model,
        "qwen3.request.id": record.request_id,
        "qwen3.tenant": record.tenant,
        "qwen3.replica": record.replica,
        "qwen3.queue.seconds": record.waited,
    }
    if record.first_byte is not None:
        found["qwen3.first_byte.seconds"] = record.first_byte
    if record.model and record.operation != COUNT_TOKENS:
        usage = record.usage
        found |= {
            "gen_ai.usage.input_tokens": usage.prompt,
            "gen_ai.usage.output_tokens": usage.output,
            "qwen3.usage.thinking_tokens": usage.thinking,
        }
    return found
