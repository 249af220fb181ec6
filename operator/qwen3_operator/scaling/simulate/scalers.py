"""Who decides: the operator's own rule, a fixed fleet, and other autoscalers to compare them with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.scaling.decide import decide
from qwen3_operator.scaling.simulate.fleet import Run, run
from qwen3_operator.scaling.simulate.peers import aibrix, dynamo, hpa, knative, kubeai, wva
from qwen3_operator.scaling.simulate.peers.metrics import filled
from qwen3_operator.scaling.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_operator.scaling.simulate.fleet import Scaler
    from qwen3_operator.scaling.simulate.setting import Setting
    from qwen3_operator.scaling.types import Observation

ATTAINED = 0.99
"""Share of requests that a static fleet is to serve in time."""


class Adaptive:
    """``decide`` with what it remembers."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._state = State()

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """As the protocol says."""
        setting, policy = self._setting, self._setting.policy_at(now)
        decision, self._state = decide(policy, observation, self._state, setting.capacities, now)
        return decision.granted


class Static:
    """The same replicas all the time, whatever schedules say."""

    def __init__(self, setting: Setting, units: int) -> None:
        self._counts = filled(setting, units, setting.widest)

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """As the protocol says."""
        del observation, now
        return self._counts


def _static(setting: Setting) -> Scaler:
    """The fewest replicas, known afterwards, that serve nearly all requests in time; else as many as may be."""
    allowed = (1 - ATTAINED) * float(setting.arrivals.requests.sum())
    low, high = 1, setting.widest.max_replicas
    while low < high:
        middle = (low + high) // 2
        tried: Run = run(setting, Static(setting, middle))
        low, high = (low, middle) if float(tried.missed.sum()) <= allowed else (middle + 1, high)
    return Static(setting, low)


SCALERS: Mapping[str, Callable[[Setting], Scaler]] = {
    "adaptive": Adaptive,
    "static-peak": _static,
    "hpa-work": hpa.on_work,
    "hpa-concurrency": hpa.on_concurrency,
    "hpa-queue": hpa.on_queue,
    "hpa-utilization": hpa.on_utilization,
    "keda": hpa.keda,
    "knative-kpa": knative.Knative,
    "aibrix-apa": aibrix.Apa,
    "aibrix-kpa": aibrix.Kpa,
    "kubeai": kubeai.KubeAI,
    "wva-v1": wva.Saturation,
    "wva-v2": wva.Tokens,
    "dynamo-throughput": dynamo.Throughput,
    "dynamo-hybrid": dynamo.Hybrid,
}
"""By the name on the command line."""


def scaler(name: str, setting: Setting) -> Scaler:
    """A scaler by its name.

    Raises:
        KeyError: there is none.
    """
    return SCALERS[name](setting)
