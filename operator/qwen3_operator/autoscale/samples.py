"""What is asked of Prometheus for all deployments at once, and its answers as values. Pure.

Series of engine pods must carry the labels ``namespace``, ``pod`` and ``serving_qwen3_io_deployment`` (the pod's label
of that name), those of the gateway ``pod``: the chart's scrape configurations set them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FRESH_SECONDS = 30
"""Samples that are older say nothing of now; also the longest gap that ``decide`` takes for one span."""
DEPLOYMENT = "serving_qwen3_io_deployment"
"""Label of an engine pod's series with the deployment that it belongs to."""
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
_DIRECT = {"arrived": "direct", "arrived_bytes": "direct_bytes"}
"""Counters of which the part that did not come through the gateway is told too."""
_GATEWAY_FIELDS = {
    "qwen3_gateway_requests_arrived_total": "arrived",
    "qwen3_gateway_request_bytes_arrived_total": "arrived_bytes",
    "qwen3_gateway_first_token_missed_total": "missed",
    "qwen3_gateway_waiting_requests": "waiting",
    "qwen3_gateway_waiting_tokens": "waiting_tokens",
}
_ROUTE = ("deployment_namespace", "deployment")
"""Labels by which the gateway names whose route it is; its own pod's namespace is another."""
_LENGTH_FIELDS = {
    "prompt": "qwen3_engine_prompt_tokens_total",
    "cached": "qwen3_engine_cached_prompt_tokens_total",
    "generated": "qwen3_engine_generated_tokens_total",
    "finished": "qwen3_engine_request_duration_seconds_count",
    "arrived_bytes": "qwen3_runtime_request_bytes_arrived_total",
}
_ASKED_FIELDS = {
    "asked": "qwen3_gateway_requests_arrived_total",
    "asked_prompt": 'qwen3_gateway_arrived_tokens_total{kind="prompt"}',
    "asked_output": 'qwen3_gateway_arrived_tokens_total{kind="output"}',
}


def _histogram(name: str, labels: str = "") -> str:
    return f"sum by (namespace, {DEPLOYMENT}, le) (rate({name}_bucket{labels}[1m]))"


def labelled(quantity: str, query: str) -> str:
    """The query's series with the label ``quantity``, so that several may be asked for at once."""
    return f'label_replace({query}, "quantity", "{quantity}", "", "")'


def _increase(quantity: str, name: str, labels: Sequence[str]) -> str:
    return labelled(quantity, f"sum by ({', '.join(labels)}) (increase({name}[{_WINDOW}]))")


def _last(names: Iterable[str], labels: str) -> str:
    return f'sum by (__name__, {labels}) (last_over_time({{__name__=~"{"|".join(names)}"}}[{FRESH_SECONDS}s]))'


QUERIES = {
    "pods": _last(_POD_FIELDS, "namespace, pod, via"),
    "gateways": _last(_GATEWAY_FIELDS, f"pod, {', '.join(_ROUTE)}"),
    "first_token": _histogram("qwen3_runtime_time_to_first_byte_seconds", '{stream="true"}'),
    "output_token": _histogram("qwen3_engine_time_per_output_token_seconds"),
    "lengths": " or ".join(
        _increase(quantity, name, labels)
        for fields, labels in ((_LENGTH_FIELDS, ("namespace", DEPLOYMENT)), (_ASKED_FIELDS, _ROUTE))
        for quantity, name in fields.items()
    ),
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
    direct: float = 0.0
    """Of those that arrived, past the gateway."""
    direct_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class GatewaySample:
    """One pod of the gateway now, for one deployment. Totals run from its start."""

    arrived: float = 0.0
    """Requests that no limit refused."""
    arrived_bytes: float = 0.0
    missed: float = 0.0
    """Requests whose first token was late or never came."""
    waiting: float = 0.0
    waiting_tokens: float = 0.0
    """Expected of them, prompts and answers."""


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
    asked: float = 0.0
    """Requests that arrived at the gateway."""
    asked_prompt: float = 0.0
    """Tokens that the gateway expected of them."""
    asked_output: float = 0.0


@dataclass(frozen=True, slots=True)
class Samples:
    """One round of answers. What is not there was not scraped, or never happened."""

    pods: Mapping[Place, PodSample] = field(default_factory=dict)
    gateways: Mapping[Place, Mapping[str, GatewaySample]] = field(default_factory=dict)
    """By deployment, then by pod of the gateway."""
    first_token: Mapping[Place, Buckets] = field(default_factory=dict)
    output_token: Mapping[Place, Buckets] = field(default_factory=dict)
    lengths: Mapping[Place, Lengths] = field(default_factory=dict)


Vector = list[dict[str, Any]]
"""``data.result`` of an instant query."""


def samples(answers: Mapping[str, Vector]) -> Samples:
    """The answers to `QUERIES`, by the same names. Values that are no numbers count as absent."""
    return Samples(
        pods=_pods(answers["pods"]),
        gateways=_gateways(answers["gateways"]),
        first_token=_buckets(answers["first_token"]),
        output_token=_buckets(answers["output_token"]),
        lengths=_lengths(answers["lengths"]),
    )


def _pods(vector: Vector) -> dict[Place, PodSample]:
    found: dict[Place, PodSample] = {}
    scraped: set[Place] = set()
    for labels, value in _numbers(vector):
        name, place = labels.get("__name__", ""), (labels.get("namespace", ""), labels.get("pod", ""))
        if field_name := _POD_FIELDS.get(name):
            sample = found.get(place, PodSample())
            change = {field_name: getattr(sample, field_name) + value}
            if field_name in _DIRECT and labels.get("via") == "direct":
                change[_DIRECT[field_name]] = value
            found[place] = replace(sample, **change)
        if name == _SCRAPED:
            scraped.add(place)
    return {place: sample for place, sample in found.items() if place in scraped}


def _gateways(vector: Vector) -> dict[Place, dict[str, GatewaySample]]:
    """Of pods of which every value is there: half of them would be a reset of the rest."""
    values: defaultdict[tuple[Place, str], dict[str, float]] = defaultdict(dict)
    for labels, value in _numbers(vector):
        if field_name := _GATEWAY_FIELDS.get(labels.get("__name__", "")):
            values[_deployment(labels), labels.get("pod", "")][field_name] = value
    found: defaultdict[Place, dict[str, GatewaySample]] = defaultdict(dict)
    for (place, pod), read in values.items():
        if len(read) == len(_GATEWAY_FIELDS):
            found[place][pod] = GatewaySample(**read)
    return dict(found)


def _buckets(vector: Vector) -> dict[Place, Buckets]:
    found: defaultdict[Place, list[tuple[float, float]]] = defaultdict(list)
    for labels, value in _numbers(vector):
        found[_deployment(labels)].append((float(labels.get("le", "inf")), value))
    return {place: tuple(sorted(pairs)) for place, pairs in found.items()}


def _lengths(vector: Vector) -> dict[Place, Lengths]:
    found: dict[Place, Lengths] = {}
    for labels, value in _numbers(vector):
        if (quantity := labels.get("quantity", "")) in _LENGTH_FIELDS | _ASKED_FIELDS:
            place = _deployment(labels)
            found[place] = replace(found.get(place, Lengths()), **{quantity: value})
    return found


def _deployment(labels: Mapping[str, str]) -> Place:
    """Whose series it is, by its engine pods or by its route."""
    if "deployment_namespace" in labels:
        return labels["deployment_namespace"], labels.get("deployment", "")
    return labels.get("namespace", ""), labels.get(DEPLOYMENT, "")


def _numbers(vector: Vector) -> Iterable[tuple[dict[str, str], float]]:
    for entry in vector:
        value = float(entry["value"][1])
        if math.isfinite(value) and value >= 0:
            yield entry["metric"], value
