"""A fleet behind a queue, step by step. Pods are paid for from the decision to their end."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from qwen3_operator.scaling.queue import Waiting
from qwen3_operator.scaling.simulate.arrivals import DECISION_STEPS, STEP_SECONDS
from qwen3_operator.scaling.types import PERIOD_SECONDS, Counters, Fleet, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.simulate.setting import Setting

_TOLD_EVERY = 2000
_TAIL = 0.05
"""Share of late requests from which on the 95th percentile of the first token is that of late ones."""


class Scaler(Protocol):
    """Says how many replicas each placement gets."""

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """Replicas per placement, from what is seen at ``now``, in seconds."""


@dataclass(frozen=True)
class Run:
    """What one scaler did: one value per step."""

    ready: Numbers
    """Replicas that serve, in units."""
    replicas: Numbers
    """Pods that are paid for: [steps, placements]."""
    missed: Numbers
    """Requests that arrived in the step and miss their target."""
    wait: Numbers
    """Seconds until the last of those that wait is served, late ones included."""


def run(setting: Setting, scaler: Scaler, told: Callable[[float], None] = lambda _: None) -> Run:
    """Let a scaler decide every ``PERIOD_SECONDS`` of the trace; ``told`` hears the share that is done."""
    pods = _Pods(setting)
    work = setting.arrivals.work(setting.unit).tolist()
    requests = setting.arrivals.requests.tolist()
    counters = Meters(setting)
    steps, queue, wait, order = len(work), Waiting(0.0, 0.0), setting.wait, setting.policy.queue
    missed, waits = [0.0] * steps, [0.0] * steps
    ready, replicas = list[float](), list[list[int]]()
    for begin, end in pairwise(range(0, steps + 1, DECISION_STEPS)):
        serving = pods.serving
        for step in range(begin, end):
            queue, share = queue.after(work[step], serving, STEP_SECONDS, wait, order=order)
            missed[step] = share * requests[step]
            waits[step] = (queue.on_time + queue.late) / max(serving, 1e-9)
        ready.append(serving)
        replicas.append(pods.totals)
        late = sum(missed[begin:end])
        observation = counters.observation(pods.fleets, end, queue, late=late, serving=serving)
        pods.resize(scaler(observation, end * STEP_SECONDS))
        if end % _TOLD_EVERY == 0 or end == steps:
            told(end / steps)
    ready_steps, paid = (np.repeat(np.array(found, dtype=float), DECISION_STEPS, axis=0) for found in (ready, replicas))
    return Run(ready_steps, paid, np.array(missed), np.array(waits))


class _Pods:
    """Replicas of all placements.

    The newest pending ones are cancelled first, so a place is ready once it was asked for throughout a start-up.
    """

    def __init__(self, setting: Setting) -> None:
        self._sizes = setting.sizes
        first = {one.placement: 0 for one in setting.capacities} | {setting.unit.placement: setting.first}
        lengths = {one.placement: math.ceil(one.startup_seconds / PERIOD_SECONDS) + 1 for one in setting.capacities}
        self._past = {name: deque([first[name]], maxlen=length) for name, length in lengths.items()}
        for name, past in self._past.items():
            past.extend([first[name]] * lengths[name])

    @property
    def totals(self) -> list[int]:
        return [past[-1] for past in self._past.values()]

    @property
    def fleets(self) -> tuple[Fleet, ...]:
        """With the pods that are ready in the next period."""
        pairs = ((name, min(past), past[-1]) for name, past in self._past.items())
        return tuple(Fleet(name, ready, total - ready) for name, ready, total in pairs)

    @property
    def serving(self) -> float:
        return sum(min(past) * self._sizes[name] for name, past in self._past.items())

    def resize(self, wanted: Mapping[str, int]) -> None:
        for name, past in self._past.items():
            past.append(wanted[name])


class Meters:
    """What a scrape would find."""

    def __init__(self, setting: Setting) -> None:
        self._unit = setting.unit
        arrivals = setting.arrivals
        columns = (arrivals.requests, arrivals.input_tokens, arrivals.output_tokens)
        self._totals = [np.concatenate(([0.0], column.cumsum())).tolist() for column in columns]
        self._known = arrivals.known.tolist()
        self._late = 0.0
        self._arrived, self._missed = (deque[float](maxlen=round(60 / PERIOD_SECONDS)) for _ in range(2))
        """Of the last minute."""

    def observation(
        self, fleets: tuple[Fleet, ...], end: int, queue: Waiting, *, late: float, serving: float
    ) -> Observation:
        """At the end of a step."""
        self._late += late
        requests, inputs, outputs = (column[end] for column in self._totals)
        known = self._known[end - 1] and self._known[end - DECISION_STEPS]
        self._arrived.append(requests - self._totals[0][end - DECISION_STEPS])
        self._missed.append(late)
        waiting = queue.on_time + (queue.late if sum(self._missed) > _TAIL * sum(self._arrived) else 0.0)
        mean = self._unit.work(inputs, outputs) / requests if requests else 0.0
        return Observation(
            fleets=fleets,
            counters=Counters(requests, inputs, outputs, self._late) if known else None,
            waiting=(queue.on_time + queue.late) / mean if mean else 0.0,
            time_to_first_token=self._unit.first_token_seconds + waiting / max(serving, 1e-9),
        )
