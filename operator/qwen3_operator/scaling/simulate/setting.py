"""What all scalers of one comparison share: traffic, replicas, targets, and bounds at every moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.scaling.guard import wait_seconds
from qwen3_operator.scaling.schedules import ahead_of
from qwen3_operator.scaling.simulate.arrivals import DECISION_STEPS, STEP_SECONDS
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.schedules import Bounds
    from qwen3_operator.scaling.simulate.arrivals import Arrivals
    from qwen3_operator.scaling.simulate.timetable import Timetable
    from qwen3_operator.scaling.types import Capacity, Policy

_FIRST, _FIRST_STEPS = 1.3, 120
"""A fleet begins with so much of the mean work of the first ten minutes."""


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
        decisions = np.arange(len(self.arrivals.requests) // DECISION_STEPS + 1) * PERIOD_SECONDS
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
