"""What peers measure, from the same observation that the operator's rule gets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.scaling.sight import readable, tick
from qwen3_operator.scaling.state import State
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.scaling.simulate.setting import Setting
    from qwen3_operator.scaling.types import Observation, Policy


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of one moment; replicas are those of the unit."""

    now: float
    ready: float
    pending: float
    work: float
    """Replicas that what arrives would keep busy."""
    requests: float
    """The same if every request had the mean work of the trace: what counting requests sees."""
    queued: float
    """Requests that wait, over those that a replica serves at a time."""
    queued_work: float
    """Replica-seconds that wait."""
    first_token: float
    """Seconds, of the requests of the last minute."""

    @property
    def there(self) -> float:
        """Ready and pending."""
        return self.ready + self.pending

    @property
    def busy(self) -> float:
        """Share of the KV cache, or of the slots, in use: at most 1."""
        waiting = self.queued_work / PERIOD_SECONDS
        return min(1.0, (self.work + waiting) / max(self.ready, 1e-9))

    @property
    def in_flight(self) -> float:
        """Requests that run or wait, over those that a replica serves at a time."""
        return min(self.requests, self.ready) + self.queued


class Meter:
    """Turns observations into metrics; remembers the last one."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._state = State()
        arrivals = setting.arrivals
        self._mean = float(arrivals.work(setting.unit).sum()) / max(1e-9, float(arrivals.requests.sum()))

    def read(self, observation: Observation, now: float) -> Metrics | None:
        """None where the rates are not known: every peer holds then."""
        counters = readable(observation.counters)
        found = tick(observation, counters, self._state, now)
        self._state = State(at=now, counters=counters)
        if found is None:
            return None
        sizes, unit = self._setting.sizes, self._setting.unit
        return Metrics(
            now=now,
            ready=sum(fleet.ready * sizes[fleet.placement] for fleet in observation.fleets),
            pending=sum(fleet.pending * sizes[fleet.placement] for fleet in observation.fleets),
            work=unit.work(found.input_tokens, found.output_tokens),
            requests=found.requests * self._mean,
            queued=observation.waiting / self._setting.slots,
            queued_work=observation.waiting * self._mean,
            first_token=observation.time_to_first_token or 0.0,
        )


class Peer:
    """A scaler that answers in replicas of the unit; without metrics it holds."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._meter = Meter(setting)

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """As ``Scaler`` says."""
        metrics = self._meter.read(observation, now)
        if metrics is None:
            return {fleet.placement: fleet.replicas for fleet in observation.fleets}
        return filled(self.setting, self.wanted(metrics), self.setting.policy_at(now))

    def wanted(self, metrics: Metrics) -> float:
        """Replicas of the unit."""
        raise NotImplementedError


def due(now: float, period: float) -> bool:
    """Whether a loop with this period ran since the last decision."""
    return math.floor(now / period) > math.floor((now - PERIOD_SECONDS) / period)


def filled(setting: Setting, units: float, policy: Policy) -> dict[str, int]:
    """The cheapest placements first, within the bounds of the policy."""
    sizes = setting.sizes
    counts = dict.fromkeys(sizes, 0)
    for one in sorted(setting.capacities, key=lambda one: one.price_per_hour / sizes[one.placement]):
        carried = sum(count * sizes[name] for name, count in counts.items())
        total = sum(counts.values())
        missing = max(math.ceil((units - carried) / sizes[one.placement] - 1e-9), policy.min_replicas - total)
        counts[one.placement] = max(0, min(missing, one.available, policy.max_replicas - total))
    return counts
