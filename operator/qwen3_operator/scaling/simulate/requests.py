"""The request tier: single requests on engines with the planner's step times behind the gateway, for hours of traffic.

It has what the fluid leaves out: prompts that stall answers, a KV cache that fills, answers of different lengths,
starts that take different times or fail, and pods that drain. It gives the same ``Run`` for the same report.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.engine import Engine
from qwen3_operator.performance.replay import Request
from qwen3_operator.scaling.queue import Waiting
from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS
from qwen3_operator.scaling.simulate.fleet import Meters, Run
from qwen3_operator.scaling.simulate.rates import WORK_VARIATION
from qwen3_operator.scaling.types import PERIOD_SECONDS, Fleet, QueueOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qwen3_operator.performance.replay import Schedule, StepTimes
    from qwen3_operator.scaling.simulate.arrivals import Arrivals
    from qwen3_operator.scaling.simulate.fleet import Scaler
    from qwen3_operator.scaling.simulate.setting import Setting

STEP_OF_GATEWAY = 0.05
"""Seconds between two looks at the queue; as much a request may wait for nothing."""
START_VARIATION = 0.3
"""Of the logarithm of a start-up: measured ones spread by 0.3 to 0.6 (Alibaba's cluster trace of model loads)."""
START_FAILS = 0.01
"""Starts that fail once and take twice the time."""


@dataclass(frozen=True)
class Machine:
    """What every replica is."""

    times: StepTimes
    schedule: Schedule
    slots: int
    """Requests that the gateway gives it at a time, with the queue in deadline order."""


@dataclass(slots=True)
class _Pod:
    ready_at: float
    engine: Engine | None = None
    draining: bool = False


@dataclass(slots=True)
class _Gateway:
    """Requests that wait: in deadline order late ones yield; in order of arrival none waits here."""

    order: QueueOrder
    wait: float
    on_time: list[tuple[float, int, Request]] = field(default_factory=list)
    late: list[tuple[float, int, Request]] = field(default_factory=list)

    def next(self, now: float) -> Request | None:
        """The next to be served, taken out."""
        while self.on_time and self.order is QueueOrder.DEADLINE and now - self.on_time[0][0] > self.wait:
            heapq.heappush(self.late, heapq.heappop(self.on_time))
        queue = self.on_time or self.late
        return heapq.heappop(queue)[2] if queue else None

    @property
    def counts(self) -> tuple[int, int]:
        """In time still, and late."""
        return len(self.on_time), len(self.late)


def requests_of(arrivals: Arrivals, seed: int) -> list[Request]:
    """Single requests with the sums of each step: at random times in it, with tokens that vary as assumed."""
    random = np.random.default_rng(seed)
    found: list[Request] = []
    for step in np.flatnonzero(arrivals.requests > 0).tolist():
        many = int(arrivals.requests[step] + random.random())
        if not many:
            continue
        at = np.sort(random.random(many)) * STEP_SECONDS + step * STEP_SECONDS
        shares = random.gamma(WORK_VARIATION**-2, size=(2, many)) + 1e-6
        shares /= shares.sum(axis=1, keepdims=True)
        inputs = np.maximum(1, np.round(shares[0] * arrivals.input_tokens[step])).astype(int)
        outputs = np.maximum(1, np.round(shares[1] * arrivals.output_tokens[step])).astype(int)
        columns = zip(at.tolist(), inputs.tolist(), outputs.tolist(), strict=True)
        found += [Request(*row) for row in columns]
    return found


def run_requests(
    setting: Setting,
    scaler: Scaler,
    requests: Sequence[Request],
    machine: Machine,
    *,
    seed: int,
    told: Callable[[float], None] = lambda _: None,
) -> Run:
    """Let a scaler decide every ``PERIOD_SECONDS`` over single requests on one placement.

    A request is missed where its first token or the time per output token misses its target. Those under way at the
    end are answered by the replicas that are there.
    """
    fleet = _Fleet(setting, machine, np.random.default_rng(seed))
    meters = Meters(setting)
    steps = len(setting.arrivals.requests)
    ready, replicas = np.zeros(steps), np.zeros((steps, 1))
    waits, place, late_before = np.zeros(steps), 0, 0.0
    for step in range(steps):
        for look in range(round(STEP_SECONDS / STEP_OF_GATEWAY)):
            now = step * STEP_SECONDS + look * STEP_OF_GATEWAY
            while place < len(requests) and requests[place].arrival <= now:
                fleet.arrived(requests[place])
                place += 1
            fleet.advance(now, now + STEP_OF_GATEWAY)
        end = (step + 1) * STEP_SECONDS
        ready[step], replicas[step] = fleet.serving, fleet.billed
        waits[step] = fleet.longest_wait(end)
        if (step + 1) % round(PERIOD_SECONDS / STEP_SECONDS) == 0:
            late = fleet.late(end)
            observation = meters.observation(
                fleet.fleets, step + 1, fleet.waiting, late=max(0.0, late - late_before), serving=fleet.serving
            )
            late_before = late
            fleet.resize(scaler(observation, end), end)
            told((step + 1) / steps)
    for request in requests[place:]:
        fleet.arrived(request)
    fleet.finish(steps * STEP_SECONDS)
    missed = np.zeros(steps)
    for request in requests:
        if not _met(setting, request):
            missed[min(steps - 1, int(request.arrival // STEP_SECONDS))] += 1
    return Run(ready, replicas, np.minimum(missed, setting.arrivals.requests), waits)


def _met(setting: Setting, request: Request) -> bool:
    first, each = setting.policy.time_to_first_token, setting.policy.time_per_output_token
    in_time = first is None or request.time_to_first_token <= first
    return in_time and (each is None or request.time_per_output_token <= each)


class _Fleet:
    def __init__(self, setting: Setting, machine: Machine, random: np.random.Generator) -> None:
        self._setting, self._machine, self._random = setting, machine, random
        self._gateway = _Gateway(setting.policy.queue, setting.wait)
        self._pods = [_Pod(0.0, Engine(machine.times, machine.schedule)) for _ in range(setting.first)]
        self._mean = float(setting.arrivals.work(setting.unit).sum()) / max(1, float(setting.arrivals.requests.sum()))
        self._target = setting.wait + setting.unit.first_token_seconds
        self._number = self._late = 0
        self._unjudged: list[Request] = []

    def arrived(self, request: Request) -> None:
        self._number += 1
        self._unjudged.append(request)
        heapq.heappush(self._gateway.on_time, (request.arrival, self._number, request))

    def advance(self, now: float, until: float) -> None:
        """Give out what waits, then let every engine run."""
        for pod in self._pods:
            if pod.engine is None and pod.ready_at <= now:
                pod.engine = Engine(self._machine.times, self._machine.schedule, now=now)
        self._give(now)
        for pod in self._pods:
            if pod.engine is not None:
                pod.engine.advance(until)
        self._pods = [pod for pod in self._pods if not (pod.draining and pod.engine and not pod.engine.requests)]

    def finish(self, now: float) -> None:
        """Answer all that is there."""
        while self.serving and (
            any(self._gateway.counts) or any(pod.engine.requests for pod in self._pods if pod.engine)
        ):
            self.advance(now, now + STEP_SECONDS)
            now += STEP_SECONDS

    def _give(self, now: float) -> None:
        capped = self._setting.policy.queue is QueueOrder.DEADLINE
        open_to = ((i, pod.engine) for i, pod in enumerate(self._pods) if pod.engine and not pod.draining)
        serving = [(engine.requests, i, engine) for i, engine in open_to]
        heapq.heapify(serving)
        while serving and (not capped or serving[0][0] < self._machine.slots):
            request = self._gateway.next(now)
            if request is None:
                return
            count, place, engine = serving[0]
            engine.waiting.append(request)
            heapq.heapreplace(serving, (count + 1, place, engine))

    @property
    def serving(self) -> float:
        return float(sum(pod.engine is not None and not pod.draining for pod in self._pods))

    @property
    def billed(self) -> float:
        return float(len(self._pods))

    @property
    def fleets(self) -> tuple[Fleet, ...]:
        ready, draining = int(self.serving), sum(pod.draining for pod in self._pods)
        return (Fleet(self._setting.unit.placement, ready, len(self._pods) - ready - draining, draining),)

    @property
    def waiting(self) -> Waiting:
        """In replica-seconds, in the gateway and in the engines."""
        on_time, late = self._gateway.counts
        inside = sum(len(pod.engine.waiting) for pod in self._pods if pod.engine)
        return Waiting((on_time + inside) * self._mean, late * self._mean)

    def late(self, now: float) -> float:
        """Requests so far whose first token was late, or is by now."""
        left: list[Request] = []
        for request in self._unjudged:
            waited = now - request.arrival if np.isnan(request.first_token) else request.time_to_first_token
            if waited > self._target:
                self._late += 1
            elif np.isnan(request.first_token):
                left.append(request)
        self._unjudged = left
        return float(self._late)

    def longest_wait(self, now: float) -> float:
        heads = [queue[0][0] for queue in (self._gateway.on_time, self._gateway.late) if queue]
        return now - min(heads) if heads else 0.0

    def resize(self, wanted: Mapping[str, int], now: float) -> None:
        """Newest pending ones go first, then the emptiest drain."""
        active = [pod for pod in self._pods if not pod.draining]
        change = wanted[self._setting.unit.placement] - len(active)
        for _ in range(change):
            spread = float(np.exp(self._random.normal(0.0, START_VARIATION)))
            again = 2.0 if self._random.random() < START_FAILS else 1.0
            self._pods.append(_Pod(now + self._setting.unit.startup_seconds * spread * again))
        pending = [pod for pod in active if pod.engine is None]
        loads = sorted((pod.engine.requests, place) for place, pod in enumerate(active) if pod.engine)
        for pod in [*reversed(pending), *(active[place] for _, place in loads)][: max(0, -change)]:
            pod.draining = True
        self._pods = [pod for pod in self._pods if pod.engine or not pod.draining]


@dataclass(frozen=True, slots=True)
class Latency:
    """Of all requests, in seconds."""

    time_to_first_token_p50: float
    time_to_first_token_p99: float
    time_per_output_token_p50: float
    time_per_output_token_p99: float

    @staticmethod
    def of(requests: Sequence[Request]) -> Latency:
        """After a run."""
        first = np.array([request.time_to_first_token for request in requests] or [0.0])
        each = np.array([request.time_per_output_token for request in requests] or [0.0])
        numbers = (float(np.percentile(values, part)) for values in (first, each) for part in (50, 99))
        return Latency(*numbers)
