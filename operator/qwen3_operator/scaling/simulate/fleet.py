"""A fleet behind a queue, step by step. Pods are paid for from the decision to their end."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from qwen3_operator.scaling.guard import wait_seconds
from qwen3_operator.scaling.queue import Waiting
from qwen3_operator.scaling.schedules import ahead_of
from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS, Arrivals
from qwen3_operator.scaling.types import PERIOD_SECONDS, Capacity, Counters, Fleet, Observation, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.schedules import Bounds
    from qwen3_operator.scaling.simulate.timetable import Timetable

_STEPS = round(PERIOD_SECONDS / STEP_SECONDS)
_TOLD_EVERY = 2000
_TAIL = 0.05
"""Share of late requests from which on the 95th percentile of the first token is that of late ones."""
_FIRST, _FIRST_STEPS = 1.3, 120
"""A fleet begins with so much of the mean work of the first ten minutes."""


class Scaler(Protocol):
    """Says how many replicas each placement gets."""

    def __call__(self, observation: Observation, now: float) -> Mapping[str, int]:
        """Replicas per placement, from what is seen at ``now``, in seconds."""


@dataclass(frozen=True)
class Setting:
    """What all scalers of one comparison share. The first capacity is the unit of work."""

    arrivals: Arrivals
    capacities: tuple[Capacity, ...]
    policy: Policy
    slots: float = 100.0
    """Requests that a replica of the unit serves at a time within the targets; only peers count them."""
    timetable: Timetable | None = None
    """Whose bounds hold instead of the policy's; None: the policy's throughout."""

    @property
    def unit(self) -> Capacity:
        """A replica in which work is counted."""
        return self.capacities[0]

    @cached_property
    def wait(self) -> float:
        """Seconds that a request may wait."""
        return wait_seconds(self.policy, self.capacities)

    @cached_property
    def sizes(self) -> dict[str, float]:
        """What a replica of each placement is worth in units, for the tokens of the whole trace."""
        sums = float(self.arrivals.input_tokens.sum()), float(self.arrivals.output_tokens.sum())
        total = sums if sum(sums) > 0 else (1.0, 1.0)
        return {one.placement: self.unit.work(*total) / one.work(*total) for one in self.capacities}

    @property
    def first(self) -> int:
        """Replicas at the beginning, of the unit's placement."""
        policy = self.policy_at(0.0)
        mean = float(self.arrivals.work(self.unit)[:_FIRST_STEPS].mean()) / STEP_SECONDS
        wanted = max(policy.min_replicas, math.ceil(_FIRST * mean))
        return min(wanted, policy.max_replicas, self.unit.available)

    @cached_property
    def scheduled(self) -> Sequence[Bounds]:
        """What the timetable says at each decision, the beginning included; empty without one."""
        if self.timetable is None:
            return ()
        decisions = np.arange(len(self.arrivals.requests) // _STEPS + 1) * PERIOD_SECONDS
        return self.timetable.along(decisions.tolist(), ahead_of(self.capacities))

    def policy_at(self, now: float) -> Policy:
        """What holds for the decision at this second of the trace."""
        if not self.scheduled:
            return self.policy
        within = self.scheduled[round(now / PERIOD_SECONDS)]
        return replace(self.policy, min_replicas=within.awake, max_replicas=within.max_replicas)

    @property
    def widest(self) -> Policy:
        """With the fewest and the most replicas of any time."""
        fewest = min((one.awake for one in self.scheduled), default=self.policy.min_replicas)
        most = max((one.max_replicas for one in self.scheduled), default=self.policy.max_replicas)
        return replace(self.policy, min_replicas=fewest, max_replicas=most)

    @cached_property
    def fewest(self) -> Numbers:
        """Replicas that must be ready in each step."""
        steps = len(self.arrivals.requests)
        if self.timetable is None:
            return np.full(steps, float(self.policy.min_replicas))
        begins = np.arange(steps) * STEP_SECONDS
        return np.array([one.awake for one in self.timetable.along(begins.tolist(), 0.0)], dtype=float)


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
    ready, missed, waits = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    replicas = np.zeros((steps, len(setting.capacities)))
    for begin, end in pairwise(range(0, steps + 1, _STEPS)):
        serving = pods.serving
        for step in range(begin, end):
            queue, share = queue.after(work[step], serving, STEP_SECONDS, wait, order=order)
            missed[step] = share * requests[step]
            waits[step] = (queue.on_time + queue.late) / max(serving, 1e-9)
        ready[begin:end] = serving
        replicas[begin:end] = pods.totals
        late = missed[begin:end].sum()
        observation = counters.observation(pods.fleets, end, queue, late=late, serving=serving)
        pods.resize(scaler(observation, end * STEP_SECONDS))
        if end % _TOLD_EVERY == 0 or end == steps:
            told(end / steps)
    return Run(ready, replicas, missed, waits)


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
        self._recent = deque[tuple[float, float]](maxlen=round(60 / PERIOD_SECONDS))

    def observation(
        self, fleets: tuple[Fleet, ...], end: int, queue: Waiting, *, late: float, serving: float
    ) -> Observation:
        """At the end of a step."""
        self._late += late
        requests, inputs, outputs = (column[end] for column in self._totals)
        known = self._known[end - 1] and self._known[end - _STEPS]
        self._recent.append((requests - self._totals[0][end - _STEPS], late))
        arrived, missed = (sum(values) for values in zip(*self._recent, strict=True))
        waiting = queue.on_time + (queue.late if missed > _TAIL * arrived else 0.0)
        mean = self._unit.work(inputs, outputs) / requests if requests else 0.0
        return Observation(
            fleets=fleets,
            counters=Counters(requests, inputs, outputs, self._late) if known else None,
            waiting=(queue.on_time + queue.late) / mean if mean else 0.0,
            time_to_first_token=self._unit.first_token_seconds + waiting / max(serving, 1e-9),
        )
