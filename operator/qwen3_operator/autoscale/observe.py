"""``observe``: from pods and answers of Prometheus to an `Observation`. Pure.

Counters are added up here, pod by pod, so that a pod that restarts or goes takes nothing away. Work counts when it
arrives: the bytes of prompts, at the tokens per byte that were not in the cache lately, and as many output tokens as
requests had lately.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qwen3_operator.autoscale.samples import FRESH_SECONDS, PodSample
from qwen3_operator.scaling import Counters, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.autoscale.fleet import FleetView
    from qwen3_operator.autoscale.samples import Buckets, Lengths, Place, Samples

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
    place: Place, fleet: FleetView, found: Samples | None, before: Totals, *, expected: Expected, now: float
) -> Found:
    """The deployment now.

    Args:
        place: Its namespace and name.
        fleet: Its pods.
        found: Answers of Prometheus; None: there were none.
        before: What the last call left.
        expected: Of its requests.
        now: Seconds since the epoch.
    """
    here = {} if found is None else {pod: found.pods.get((place[0], pod)) for pod in fleet.pods}
    read = {pod: sample for pod, sample in here.items() if sample is not None}
    unscraped = len(fleet.serving - read.keys())
    if found is None or not read:
        observation = Observation(fleets=fleet.fleets, counters=None, unscraped=unscraped if found else 0)
        # After an outage the pods' counters are no measure of what arrives now: start anew.
        return Found(observation, Totals(before.counters), None, is_quiet=False)
    buckets = found.first_token.get(place, ())
    gap = before.at is not None and now - before.at > FRESH_SECONDS
    grown = PodSample() if gap or before.at is None else _grown(read, before)
    counters = _counted(before.counters, grown, found.lengths.get(place), expected)
    seconds = now - before.at if before.at is not None and not gap else 0.0
    counters = _with_late(counters, buckets, expected.time_to_first_token, seconds)
    in_flight = sum(sample.in_flight for sample in read.values())
    waiting = sum(sample.waiting for sample in read.values())
    observation = Observation(
        fleets=fleet.fleets,
        counters=counters,
        unscraped=unscraped,
        waiting=waiting,
        time_to_first_token=quantile(buckets, expected.percentile / 100),
        time_per_output_token=quantile(found.output_token.get(place, ()), expected.percentile / 100),
    )
    kept = {pod: sample for pod, sample in before.pods.items() if pod in fleet.pods} | read
    known = not unscraped
    return Found(
        observation,
        Totals(counters, kept, now),
        in_flight if known else None,
        is_quiet=known and before.at is not None and not (in_flight or waiting or grown.arrived),
    )


def _grown(read: Mapping[str, PodSample], before: Totals) -> PodSample:
    """What came since the last read; a pod that is new, or counts less than before, began at zero."""
    arrived = arrived_bytes = 0.0
    for pod, sample in read.items():
        old = before.pods.get(pod, PodSample())
        if sample.arrived < old.arrived or sample.arrived_bytes < old.arrived_bytes:
            old = PodSample()
        arrived += sample.arrived - old.arrived
        arrived_bytes += sample.arrived_bytes - old.arrived_bytes
    return PodSample(arrived, arrived_bytes)


def _counted(before: Counters, grown: PodSample, lengths: Lengths | None, expected: Expected) -> Counters:
    """The counters after what came, in tokens."""
    inputs = grown.arrived * expected.input_tokens
    outputs = grown.arrived * expected.output_tokens
    if lengths is not None and lengths.prompt > 0 and lengths.arrived_bytes > 0:
        inputs = grown.arrived_bytes * max(0.0, lengths.prompt - lengths.cached) / lengths.arrived_bytes
    if lengths is not None and lengths.finished > 0:
        outputs = grown.arrived * lengths.generated / lengths.finished
    return Counters(
        before.requests + grown.arrived, before.input_tokens + inputs, before.output_tokens + outputs, before.late
    )


def _with_late(counters: Counters, buckets: Buckets, target: float | None, seconds: float) -> Counters:
    """Requests above the target, by the first bucket that holds it: fewer rather than more."""
    if target is None or not buckets:
        return counters
    within = next((rate for bound, rate in buckets if bound >= target), buckets[-1][1])
    late = max(0.0, buckets[-1][1] - within) * seconds
    return Counters(counters.requests, counters.input_tokens, counters.output_tokens, counters.late + late)


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
