"""Deployments to decide about, and a clock that only tests turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qwen3_operator.scaling import (
    PERIOD_SECONDS,
    Capacity,
    Counters,
    Decision,
    Fleet,
    Observation,
    Policy,
    State,
    decide,
)

GPU = Capacity("gpu", 10_000.0, 1_000.0, startup_seconds=60.0, available=100, price_per_hour=2.0)
NPU = Capacity("npu", 5_000.0, 500.0, startup_seconds=60.0, available=100, price_per_hour=1.5)
POLICY = Policy(max_replicas=50, time_to_first_token=2.0)
INPUT, OUTPUT = 1000.0, 100.0
"""Tokens of a request: a fifth of a replica-second on GPU."""
NOTHING = Counters(0.0, 0.0, 0.0, 0.0)
SECONDS = GPU.work(INPUT, OUTPUT)


@dataclass
class Deployment:
    """Pods come after a start-up and go at once; each tick makes one decision."""

    policy: Policy = POLICY
    capacity: tuple[Capacity, ...] = (GPU,)
    replicas: int = 1
    now: float = 1000.0
    state: State = field(default_factory=State)
    counters: Counters = NOTHING
    history: list[dict[str, int]] = field(default_factory=list)

    @property
    def fleets(self) -> tuple[Fleet, ...]:
        """With the ready ones: those that were asked for throughout a start-up."""
        first = {one.placement: 0 for one in self.capacity} | {self.capacity[0].placement: self.replicas}
        past = [first, *self.history]
        span = round(GPU.startup_seconds / PERIOD_SECONDS) + 1
        recent = past[-span:] if len(past) >= span else past
        ready = {name: min(counts[name] for counts in recent) for name in first}
        return tuple(Fleet(name, ready[name], past[-1][name] - ready[name]) for name in first)

    def arrive(self, work: float, *, tokens: float = 1.0, late: float = 0.0) -> None:
        """Let a period pass in which so many replicas would be busy; ``tokens`` times the usual ones per request."""
        requests = work * PERIOD_SECONDS / SECONDS / tokens
        before = self.counters
        self.counters = Counters(
            before.requests + requests,
            before.input_tokens + requests * INPUT * tokens,
            before.output_tokens + requests * OUTPUT * tokens,
            before.late + late,
        )
        self.now += PERIOD_SECONDS

    def seen(self, **changes: object) -> Observation:
        """What is there now."""
        return replace(Observation(fleets=self.fleets, counters=self.counters), **changes)  # type: ignore[arg-type]

    def decide(self, **changes: object) -> Decision:
        """One decision, which is carried out."""
        decision, self.state = decide(self.policy, self.seen(**changes), self.state, self.capacity, self.now)
        self.history.append(decision.granted)
        return decision

    def run(self, work: float, ticks: int, *, tokens: float = 1.0) -> Decision:
        """So many periods of even traffic; the last decision."""
        for _ in range(ticks - 1):
            self.arrive(work, tokens=tokens)
            self.decide()
        self.arrive(work, tokens=tokens)
        return self.decide()
