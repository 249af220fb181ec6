"""Who decides: the operator's own rule, and simple ones to compare it with."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from qwen3_operator.scaling.decide import decide
from qwen3_operator.scaling.sight import tick
from qwen3_operator.scaling.simulate.fleet import Run, Setting, run
from qwen3_operator.scaling.state import State
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_operator.scaling.simulate.fleet import Scaler
    from qwen3_operator.scaling.types import Observation

ATTAINED = 0.99
"""Share of requests that a static fleet is to serve in time."""
_TARGET, _TOLERANCE = 0.7, 0.1
"""Of the HorizontalPodAutoscaler: utilisation that people ask for, and the difference that it takes for none."""
_STABLE = round(300 / PERIOD_SECONDS)
"""Decisions whose highest counts before it scales down, as is its default."""


class Adaptive:
    """``decide`` with what it remembers."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._state = State()

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """As the protocol says."""
        decision, self._state = decide(self._setting.policy, observation, self._state, self._setting.capacities, now)
        return decision.granted


class Static:
    """The same replicas all the time."""

    def __init__(self, setting: Setting, units: int) -> None:
        self._counts = filled(setting, units)

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """As the protocol says."""
        del observation, now
        return self._counts


class HorizontalPodAutoscaler:
    """The formula of Kubernetes: ready replicas times utilisation over its target, rounded up.

    Differences below a tenth are ignored, a fleet is doubled or grows by 4 at most at a time, and goes down to the
    highest answer of the last 300 s. Kubernetes decides every 15 s, this one every ``PERIOD_SECONDS``.
    """

    def __init__(self, setting: Setting, *, at_arrival: bool) -> None:
        """Utilisation by work at arrival may exceed 1; that of busy replicas, as of GPUs, cannot."""
        self._setting = setting
        self._at_arrival = at_arrival
        self._state = State()
        self._past = deque[int](maxlen=_STABLE)

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """As the protocol says."""
        sizes = self._setting.sizes
        there = sum(fleet.replicas * sizes[fleet.placement] for fleet in observation.fleets)
        ready = sum(fleet.ready * sizes[fleet.placement] for fleet in observation.fleets)
        found = tick(observation, self._state, now)
        self._state = State(at=now, counters=observation.counters)
        if found is None:
            return {fleet.placement: fleet.replicas for fleet in observation.fleets}
        work = self._setting.unit.work(found.input_tokens, found.output_tokens)
        mean = work / found.requests if found.requests else 0.0
        load = (work + observation.waiting * mean / PERIOD_SECONDS) / max(ready, 1e-9)
        ratio = (load if self._at_arrival else min(1.0, load)) / _TARGET
        wanted = math.ceil(there - 1e-9) if abs(ratio - 1) <= _TOLERANCE else math.ceil(ready * ratio - 1e-9)
        self._past.append(wanted)
        if wanted > there:
            return filled(self._setting, min(wanted, max(2 * there, there + 4)))
        return filled(self._setting, min(there, max(self._past)))


def filled(setting: Setting, units: float) -> dict[str, int]:
    """The cheapest placements first, within the bounds of the policy."""
    sizes, policy = setting.sizes, setting.policy
    counts = dict.fromkeys(sizes, 0)
    for one in sorted(setting.capacities, key=lambda one: one.price_per_hour / sizes[one.placement]):
        carried = sum(count * sizes[name] for name, count in counts.items())
        total = sum(counts.values())
        missing = max(math.ceil((units - carried) / sizes[one.placement] - 1e-9), policy.min_replicas - total)
        counts[one.placement] = max(0, min(missing, one.available, policy.max_replicas - total))
    return counts


def _static(setting: Setting) -> Scaler:
    """The fewest replicas, known afterwards, that serve nearly all requests in time; else as many as may be."""
    allowed = (1 - ATTAINED) * float(setting.arrivals.requests.sum())
    low, high = 1, setting.policy.max_replicas
    while low < high:
        middle = (low + high) // 2
        tried: Run = run(setting, Static(setting, middle))
        low, high = (low, middle) if float(tried.missed.sum()) <= allowed else (middle + 1, high)
    return Static(setting, low)


SCALERS: Mapping[str, Callable[[Setting], Scaler]] = {
    "adaptive": Adaptive,
    "hpa-work": lambda setting: HorizontalPodAutoscaler(setting, at_arrival=True),
    "hpa-utilization": lambda setting: HorizontalPodAutoscaler(setting, at_arrival=False),
    "static-peak": _static,
}
"""By the name on the command line."""


def scaler(name: str, setting: Setting) -> Scaler:
    """A scaler by its name.

    Raises:
        KeyError: there is none.
    """
    return SCALERS[name](setting)
