"""What a run cost and missed, in numbers that people compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS
from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.simulate.bound import Bound
    from qwen3_operator.scaling.simulate.fleet import Run
    from qwen3_operator.scaling.simulate.setting import Setting

_COUNTS = 1000.0
"""Requests from which on a tenant's attainment is more than chance."""
_WASTED_SECONDS = 300.0
_MINUTE, _HOUR = round(60 / STEP_SECONDS), round(3600 / STEP_SECONDS)


@dataclass(frozen=True, slots=True)
class Report:
    """Of one policy on one trace."""

    policy: str
    replica_hours: float
    cost: float
    attainment: float
    """Share of all requests that met their target."""
    worst_hour: float
    """The lowest attainment of an hour."""
    worst_tenant: float
    """The lowest attainment of a tenant with at least ``_COUNTS`` requests; that of all where the trace tells none."""
    missed: float
    """Requests."""
    below_demand: float
    """Share of the minutes in which more work arrived than ready replicas could do."""
    longest_wait_seconds: float
    clairvoyant_replica_hours: float
    clairvoyant99_replica_hours: float
    ratio: float
    """Cost over that of the clairvoyant schedule."""
    ratio99: float
    """Cost over that of the clairvoyant schedule that may miss 1 %."""
    clairvoyant_attainment: float
    """Of the clairvoyant schedule, when it is run."""
    actions_per_day: float
    flips_per_day: float
    """Actions whose direction is another than that of the one before."""
    starts: int
    wasted_starts: int
    """Pods that served for less than five minutes, the newest being stopped first."""


def report(policy: str, setting: Setting, run: Run, bound: Bound, begin: int = 0) -> Report:
    """The numbers from step ``begin`` on, an even one; the bound must be of the same span."""
    requests, missed = setting.arrivals.requests[begin:], run.missed[begin:]
    hours = run.replicas[begin:].sum(axis=0) * STEP_SECONDS / 3600
    cost = float(hours @ np.array([one.price_per_hour for one in setting.capacities]))
    unit = min(one.price_per_hour / setting.sizes[one.placement] for one in setting.capacities)
    attained = 1 - float(missed.sum()) / max(1e-9, float(requests.sum()))
    actions, flips = _changes(run.replicas[begin:].sum(axis=1))
    started = [
        _starts(run.replicas[begin:, place], one.startup_seconds) for place, one in enumerate(setting.capacities)
    ]
    days = len(requests) * STEP_SECONDS / 86400
    return Report(
        policy=policy,
        replica_hours=float(hours.sum()),
        cost=cost,
        attainment=attained,
        worst_hour=_worst_hour(requests, missed),
        worst_tenant=_worst_tenant(setting, missed, begin, attained),
        missed=float(missed.sum()),
        below_demand=_below(setting.arrivals.work(setting.unit)[begin:], run.ready[begin:]),
        longest_wait_seconds=float(run.wait[begin:].max()),
        clairvoyant_replica_hours=bound.clairvoyant,
        clairvoyant99_replica_hours=bound.clairvoyant99,
        ratio=cost / (bound.clairvoyant * unit),
        ratio99=cost / (bound.clairvoyant99 * unit),
        clairvoyant_attainment=1 - bound.missed / max(1e-9, float(requests.sum())),
        actions_per_day=actions / days,
        flips_per_day=flips / days,
        starts=sum(one for one, _ in started),
        wasted_starts=sum(wasted for _, wasted in started),
    )


def _worst_hour(requests: Numbers, missed: Numbers) -> float:
    """A last hour that is not whole counts as part of the one before."""
    begins = np.arange(0, max(1, len(requests) // _HOUR)) * _HOUR
    offered, late = np.add.reduceat(requests, begins), np.add.reduceat(missed, begins)
    return float((1 - late / np.maximum(offered, 1e-9))[offered > 0].min(initial=1.0))


def _worst_tenant(setting: Setting, missed: Numbers, begin: int, all_together: float) -> float:
    """Requests of one step are late in equal parts, whosever they are."""
    of_tenants = setting.arrivals.tenant_requests
    if of_tenants is None:
        return all_together
    share = missed / np.maximum(setting.arrivals.requests[begin:], 1e-9)
    offered = of_tenants[:, begin:].sum(axis=1)
    attained = 1 - of_tenants[:, begin:] @ share.astype(np.float32) / np.maximum(offered, 1e-9)
    return float(attained[offered >= _COUNTS].min(initial=1.0))


def _starts(replicas: Numbers, startup: float) -> tuple[int, int]:
    """Pods that were started, and those of them that hardly served; the newest is stopped first."""
    begun: list[int] = []
    started = wasted = 0
    steps = np.diff(replicas).astype(int)
    for step in np.flatnonzero(steps).tolist():
        change = int(steps[step])
        started += max(0, change)
        begun += [step] * change
        for _ in range(min(-change, len(begun))):
            served = (step - begun.pop()) * STEP_SECONDS - startup
            wasted += served < _WASTED_SECONDS
    return started, wasted


def _below(work: Numbers, ready: Numbers) -> float:
    """By the minute: within one, the queue evens out."""
    begins = np.arange(0, max(1, len(work) // _MINUTE)) * _MINUTE
    return float((np.add.reduceat(work, begins) > np.add.reduceat(ready, begins) * STEP_SECONDS).mean())


def _changes(replicas: Numbers) -> tuple[int, int]:
    """Actions, and those that go back on the one before."""
    steps = np.diff(replicas[:: round(PERIOD_SECONDS / STEP_SECONDS)])
    signs = np.sign(steps[steps != 0])
    return len(signs), int((np.diff(signs) != 0).sum())
