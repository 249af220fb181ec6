"""Series that the operator, the gateway and the pods export, with the names of their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import PROCESS_COLLECTOR, REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from qwen3_operator import metrics
from qwen3_runtime.engine_metrics import ENGINE_METRICS, Kind
from qwen3_runtime.gateway.metrics import Metrics as GatewayMetrics
from qwen3_runtime.metrics import Metrics as RuntimeMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_TARGETS = frozenset({"namespace", "pod", "serving_qwen3_io_deployment", "serving_qwen3_io_placement"})
"""Labels that the chart's scrape configurations add."""


def exported() -> dict[str, frozenset[str]]:
    """Names of labels by name of the series, without those of the target."""
    return {name: frozenset(labels) for name, labels in (*_own(), *_of_engines())}


def _own() -> Iterator[tuple[str, tuple[str, ...]]]:
    assert metrics.LEADER, "the operator's are registered"
    for registry in (REGISTRY, GatewayMetrics().registry, RuntimeMetrics({}).registry):
        for collector in tuple(registry._collector_to_names):
            if isinstance(collector, MetricWrapperBase):
                yield from _series(collector._name, str(collector._type), tuple(collector._labelnames))
    for family in PROCESS_COLLECTOR.collect():  # in the operator's registry
        yield from ((sample.name, ()) for sample in family.samples)


def _of_engines() -> Iterator[tuple[str, tuple[str, ...]]]:
    for metric in ENGINE_METRICS:
        kind = "gauge" if metric.kind is Kind.COUNTER else metric.kind.value  # its name has _total already
        yield from _series(metric.name, kind, (metric.label,) if metric.label else ())


def _series(name: str, kind: str, labels: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if kind == "histogram":
        yield f"{name}_bucket", (*labels, "le")
        yield f"{name}_sum", labels
        yield f"{name}_count", labels
    else:
        yield f"{name}_total" if kind == "counter" else name, labels
