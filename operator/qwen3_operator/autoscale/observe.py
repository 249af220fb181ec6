"""``observe``: from pods and answers of Prometheus to an `Observation`. Pure.

Counters are added up here, pod by pod, so that a pod that restarts or goes takes nothing away. Work counts when it
arrives, in the gateway where it routes to the deployment: the bytes of prompts, at the tokens per byte that were not in
the cache lately, and as many output tokens as requests had lately.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qwen3_operator.autoscale.arrivals import Arrived, Gateway, arrived
from qwen3_operator.autoscale.samples import FRESH_SECONDS, Lengths
from qwen3_operator.scaling import Counters, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.autoscale.fleet import FleetView
    from qwen3_operator.autoscale.samples import Buckets, GatewaySample, Place, PodSample, Samples

NO_COUNTERS = Counters(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Expected:
    """Of the requests of a deployment."""

    input_tokens: float
    """Typical prompt, while none was seen."""
    output_tokens: float
    percentile: int
    """That latencies are told at."""
    time_to_first_token: float | None
    """Target in seconds."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted so far, and each pod's counters when it was read last."""

    counters: Counters = NO_COUNTERS
    pods: Mapping[str, PodSample] = field(default_factory=dict)
    gateways: Mapping[str, GatewaySample] = field(default_factory=dict)
    """Of the gateway's pods that the last look saw."""
    at: float | None = None
    """Of the last read; None: there was none yet, and what pods counted before is not of now."""


@dataclass(frozen=True, slots=True)
class Found:
    """An observation, and what goes with it."""

    observation: Observation
    totals: Totals
    in_flight: float | None
    """Requests in engines; None where that is not wholly known."""
    is_quiet: bool
    """Known for sure: nothing is in flight, and nothing arrived since the last read."""


def observe(
    place: Place,
    fleet: FleetView,
    found: Samples | None,
    before: Totals,
    *,
    expected: Expected,
    gateways: frozenset[str] | None,
    now: float,
) -> Found:
    """The deployment now.

    Args:
        place: Its namespace and name.
        fleet: Its pods.
        found: Answers of Prometheus; None: there were none.
        before: What the last call left.
        expected: Of its requests.
        gateways: Pods of the gateway whose metrics must be there; None: it does not route to the deployment.
        now: Seconds since the epoch.
    """
    here = {} if found is None else {pod: found.pods.get((place[0], pod)) for pod in fleet.pods}
    read = {pod: sample for pod, sample in here.items() if sample is not None}
    gateway = Gateway.of({} if found is None else found.gateways.get(place, {}), gateways)
    unscraped = len(fleet.serving - read.keys())
    if found is None or not (read or (gateway.is_whole and not unscraped)):
        observation = Observation(
            fleets=fleet.fleets,
            counters=None,
            unscraped=unscraped if found else 0,
            is_gateway_missing=found is not None and gateway.is_missing,
        )
        # After an outage the pods' counters are no measure of what arrives now: start anew.
        return Found(observation, Totals(before.counters), None, is_quiet=False)
    lengths, buckets = found.lengths.get(place, Lengths()), found.first_token.get(place, ())
    gap = before.at is None or now - before.at > FRESH_SECONDS
    grown = Arrived() if gap else arrived(read, before.pods, gateway, before.gateways)
    late = 0.0 if gap or before.at is None else _late(grown, buckets, expected.time_to_first_token, now - before.at)
    in_flight = sum(sample.in_flight for sample in read.values())
    waiting = sum(sample.waiting for sample in read.values()) + _held(gateway, lengths)
    counters = _counted(before.counters, grown, late, lengths, expected)
    observation = Observation(
        fleets=fleet.fleets,
        counters=counters,
        unscraped=unscraped,
        is_gateway_missing=gateway.is_missing,
        waiting=waiting,
        time_to_first_token=quantile(buckets, expected.percentile / 100),
        time_per_output_token=quantile(found.output_token.get(place, ()), expected.percentile / 100),
    )
    kept = {pod: sample for pod, sample in before.pods.items() if pod in fleet.pods} | read
    known = bool(read) and not unscraped
    return Found(
        observation,
        Totals(counters, kept, gateway.pods, now),
        in_flight if known else None,
        is_quiet=known and before.at is not None and not (in_flight or waiting or grown.requests),
    )


def _counted(before: Counters, grown: Arrived, late: float, lengths: Lengths, expected: Expected) -> Counters:
    """The counters after what came, in tokens: by what engines had, else as the gateway expects, else as is typical."""
    inputs, outputs = grown.requests * expected.input_tokens, grown.requests * expected.output_tokens
    if lengths.asked > 0:
        inputs = grown.requests * lengths.asked_prompt / lengths.asked
        outputs = grown.requests * lengths.asked_output / lengths.asked
    if lengths.prompt > 0 and lengths.arrived_bytes > 0:
        inputs = grown.bytes * max(0.0, lengths.prompt - lengths.cached) / lengths.arrived_bytes
    if lengths.finished > 0:
        outputs = grown.requests * lengths.generated / lengths.finished
    return Counters(
        before.requests + grown.requests,
        before.input_tokens + inputs,
        before.output_tokens + outputs,
        before.late + late,
    )


def _held(gateway: Gateway, lengths: Lengths) -> float:
    """Requests that wait in the gateway, told by their work: one that is twice as long as usual is two."""
    usual = (lengths.asked_prompt + lengths.asked_output) / lengths.asked if lengths.asked > 0 else 0.0
    if not usual:
        return sum(sample.waiting for sample in gateway.pods.values())
    return sum(sample.waiting_tokens for sample in gateway.pods.values()) / usual


def _late(grown: Arrived, buckets: Buckets, target: float | None, seconds: float) -> float:
    """Requests above the target: the gateway's, others by the first bucket that holds it: fewer rather than more."""
    found = grown.missed
    if target is None or not buckets:
        return found
    within = next((rate for bound, rate in buckets if bound >= target), buckets[-1][1])
    return found + max(0.0, buckets[-1][1] - within) * seconds * grown.direct_share


def quantile(buckets: Buckets, share: float) -> float | None:
    """As PromQL's ``histogram_quantile``: linear within a bucket, the last finite bound above it; None without any."""
    if not buckets or buckets[-1][1] <= 0:
        return None
    rank, low, below = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if bound == float("inf"):
                return low
            return low + (bound - low) * ((rank - below) / (count - below) if count > below else 1.0)
        low, below = bound, count
    return low
