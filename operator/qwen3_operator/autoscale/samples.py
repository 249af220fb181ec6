"""What is asked of Prometheus for all deployments at once, and its answers as values. Pure.

Series must carry the labels ``namespace``, ``pod`` and ``serving_qwen3_io_deployment`` (the pod's label of that name):
the chart's scrape configurations set them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FRESH_SECONDS = 30
"""Samples that are older say nothing of now; also the longest gap that ``decide`` takes for one span."""
_DEPLOYMENT = "serving_qwen3_io_deployment"
_WINDOW = "10m"
"""Over which lengths of requests are averaged: as ``scaling.levels`` does with the mix of tokens."""

_POD_FIELDS = {
    "qwen3_runtime_requests_arrived_total": "arrived",
    "qwen3_runtime_request_bytes_arrived_total": "arrived_bytes",
    "qwen3_runtime_requests_in_flight": "in_flight",
    "qwen3_engine_requests_waiting": "waiting",
}
_SCRAPED = "qwen3_runtime_requests_in_flight"
"""Is there from a pod's first second on."""
_LENGTH_FIELDS = {
    "prompt": "qwen3_engine_prompt_tokens_total",
    "cached": "qwen3_engine_cached_prompt_tokens_total",
    "generated": "qwen3_engine_generated_tokens_total",
    "finished": "qwen3_engine_request_duration_seconds_count",
    "arrived_bytes": "qwen3_runtime_request_bytes_arrived_total",
}


def _histogram(name: str, labels: str = "") -> str:
    return f"sum by (namespace, {_DEPLOYMENT}, le) (rate({name}_bucket{labels}[1m]))"


def _increase(quantity: str, name: str) -> str:
    total = f"sum by (namespace, {_DEPLOYMENT}) (increase({name}[{_WINDOW}]))"
    return f'label_replace({total}, "quantity", "{quantity}", "", "")'


QUERIES = {
    "pods": f'sum by (__name__, namespace, pod) (last_over_time({{__name__=~"{"|".join(_POD_FIELDS)}"}}'
    f"[{FRESH_SECONDS}s]))",
    "first_token": _histogram("qwen3_runtime_time_to_first_byte_seconds", '{stream="true"}'),
    "output_token": _histogram("qwen3_engine_time_per_output_token_seconds"),
    "lengths": " or ".join(_increase(quantity, name) for quantity, name in _LENGTH_FIELDS.items()),
}
"""All that is asked in one round, however many deployments there are."""

Place = tuple[str, str]
"""Namespace, and name of a pod or a deployment."""
Buckets = tuple[tuple[float, float], ...]
"""Upper bound in seconds and requests per second up to it, ascending; the last bound is infinite."""


@dataclass(frozen=True, slots=True)
class PodSample:
    """One pod now. Totals run from the runtime's start."""

    arrived: float = 0.0
    arrived_bytes: float = 0.0
    in_flight: float = 0.0
    waiting: float = 0.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """What went through a deployment in the last minutes."""

    prompt: float = 0.0
    """Tokens, cached ones included."""
    cached: float = 0.0
    generated: float = 0.0
    finished: float = 0.0
    """Requests."""
    arrived_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Samples:
    """One round of answers. What is not there was not scraped, or never happened."""

    pods: Mapping[Place, PodSample] = field(default_factory=dict)
    first_token: Mapping[Place, Buckets] = field(default_factory=dict)
    output_token: Mapping[Place, Buckets] = field(default_factory=dict)
    lengths: Mapping[Place, Lengths] = field(default_factory=dict)


Vector = list[dict[str, Any]]
"""``data.result`` of an instant query."""


def samples(answers: Mapping[str, Vector]) -> Samples:
    """The answers to `QUERIES`, by the same names. Values that are no numbers count as absent."""
    return Samples(
        pods=_pods(answers["pods"]),
        first_token=_buckets(answers["first_token"]),
        output_token=_buckets(answers["output_token"]),
        lengths=_lengths(answers["lengths"]),
    )


def _pods(vector: Vector) -> dict[Place, PodSample]:
    found: dict[Place, PodSample] = {}
    scraped: set[Place] = set()
    for labels, value in _numbers(vector):
        name, place = labels.get("__name__", ""), (labels.get("namespace", ""), labels.get("pod", ""))
        if name in _POD_FIELDS:
            found[place] = replace(found.get(place, PodSample()), **{_POD_FIELDS[name]: value})
        if name == _SCRAPED:
            scraped.add(place)
    return {place: sample for place, sample in found.items() if place in scraped}


def _buckets(vector: Vector) -> dict[Place, Buckets]:
    found: defaultdict[Place, list[tuple[float, float]]] = defaultdict(list)
    for labels, value in _numbers(vector):
        found[_deployment(labels)].append((float(labels.get("le", "inf")), value))
    return {place: tuple(sorted(pairs)) for place, pairs in found.items()}


def _lengths(vector: Vector) -> dict[Place, Lengths]:
    found: dict[Place, Lengths] = {}
    for labels, value in _numbers(vector):
        if (quantity := labels.get("quantity", "")) in _LENGTH_FIELDS:
            place = _deployment(labels)
            found[place] = replace(found.get(place, Lengths()), **{quantity: value})
    return found


def _deployment(labels: Mapping[str, str]) -> Place:
    return labels.get("namespace", ""), labels.get(_DEPLOYMENT, "")


def _numbers(vector: Vector) -> Iterable[tuple[dict[str, str], float]]:
    for entry in vector:
        value = float(entry["value"][1])
        if math.isfinite(value) and value >= 0:
            yield entry["metric"], value
