"""Every policy of a ``replay`` on the same work, and what became of it as a document."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.autoscale.bounded import stamp
from qwen3_operator.cli.replay_progress import progress
from qwen3_operator.scaling.simulate import Latency, bound, report, run, run_requests, scaler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.performance.replay import Request
    from qwen3_operator.scaling.simulate import Bound, Machine, Report, Run, Setting


class Outcome(NamedTuple):
    """What the policies did, by name, and what was possible."""

    best: Bound
    runs: dict[str, Run]
    latencies: dict[str, Latency]
    """Of single requests; empty where work was a fluid."""

    def reports(self, setting: Setting) -> list[Report]:
        """Numbers of each policy, in the order in which they were named."""
        return [report(name, setting, done, self.best) for name, done in self.runs.items()]


def run_policies(
    names: Sequence[str], setting: Setting, engine: Machine | None, singles: Sequence[Request], seed: int
) -> Outcome:
    """Run each policy: with ``singles`` on the engine, with work as a fluid where there is none."""
    outcome = Outcome(bound(setting), {}, {})
    with progress(names) as told:
        for name in names:
            decider = scaler(name, setting)
            if engine is None:
                outcome.runs[name] = run(setting, decider, told(name))
                continue
            asked = deepcopy(list(singles))
            outcome.runs[name] = run_requests(setting, decider, asked, engine, seed=seed, told=told(name))
            outcome.latencies[name] = Latency.of(asked)
    return outcome


def document(head: Mapping[str, Any], setting: Setting, outcome: Outcome) -> dict[str, Any]:
    """For ``-o json`` and ``-o yaml``: what was asked, the traffic, and the numbers of each policy."""
    arrivals = setting.arrivals
    traffic = {"hours": arrivals.hours, "requests": float(arrivals.requests.sum()), "queue": setting.policy.queue.value}
    begin = {} if setting.timetable is None else {"begin": stamp(setting.timetable.begin)}
    policies = [
        asdict(one) | (asdict(found) if (found := outcome.latencies.get(one.policy)) else {})
        for one in outcome.reports(setting)
    ]
    return {**head, **traffic, **begin, "policies": policies}
