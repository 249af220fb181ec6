"""A deployment, its pods and answers of Prometheus, and a clock that only tests turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.autoscale.fleet import FleetView, fleet
from qwen3_operator.autoscale.memory import Manual, Memory
from qwen3_operator.autoscale.samples import Lengths, PodSample, Samples
from qwen3_operator.autoscale.step import Moment, Outcome, step
from qwen3_operator.manifests.names import PLACEMENT_LABEL
from qwen3_operator.scaling import PERIOD_SECONDS, Capacity

PLACE = ("team-a", "chat")
POOL = "gpu"
START = 1_800_000_000.0
CAPACITY = Capacity(POOL, 1e9, 100.0, startup_seconds=20.0, available=20)
"""A replica is busy with a hundred output tokens per second."""
REQUEST = (1024, 512)
OUTPUT = 50.0
"""Tokens of an answer: half a second of a replica."""


def spec(replicas: int | None = 1, **scaling: Any) -> DeploymentSpec:
    """In mode Auto, up to ten replicas."""
    return DeploymentSpec.model_validate(
        {
            "model": {"name": "Qwen3-8B", "source": {"persistentVolumeClaim": {"claimName": "w"}}},
            "replicas": replicas,
            "scaling": {"mode": "Auto", "maxReplicas": 10, **scaling},
        }
    )


def pod(
    name: str, *, ready_at: float | None = START - 600, draining: bool = False, restarts: int = 0
) -> dict[str, Any]:
    """A pod that was made 20 s before it became ready."""
    metadata: dict[str, Any] = {"name": name, "namespace": PLACE[0], "uid": name, "labels": {PLACEMENT_LABEL: POOL}}
    metadata["creationTimestamp"] = _text((ready_at or START) - 20)
    if draining:
        metadata["deletionTimestamp"] = _text(START)
    ready = {"type": "Ready", "status": str(ready_at is not None), "lastTransitionTime": _text(ready_at or START)}
    container = {"restartCount": restarts}
    return {
        "metadata": metadata,
        "spec": {},
        "status": {"phase": "Running", "conditions": [ready], "containerStatuses": [container]},
    }


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Deployment:
    """Pods are ready at once; what arrives is shared evenly."""

    spec: DeploymentSpec = field(default_factory=spec)
    replicas: int = 1
    now: float = START
    memory: Memory = field(default_factory=lambda: Memory(Manual(1), active_at=START))
    arrived: float = 0.0
    demanded_at: float | None = None
    capacity: Capacity = CAPACITY

    def fleet(self) -> FleetView:
        return fleet({POOL: self.replicas}, [pod(f"pod-{number}") for number in range(self.replicas)], self.now)

    def samples(self, in_flight: float = 0.0) -> Samples:
        """The first pod counts all arrivals: the sum is what matters."""
        pods = {(PLACE[0], f"pod-{number}"): PodSample() for number in range(self.replicas)}
        if pods:
            pods[PLACE[0], "pod-0"] = PodSample(self.arrived, 100 * self.arrived, in_flight)
        return Samples(pods=pods, lengths={PLACE: Lengths(prompt=1.0, generated=OUTPUT * 10, finished=10.0)})

    def look(self, samples: Samples | None, **changes: Any) -> Outcome:
        """One look, which is carried out."""
        moment = Moment(PLACE, self.spec, self.fleet(), samples, (self.capacity,), self.demanded_at, self.now, REQUEST)
        outcome = step(self.memory, replace(moment, **changes))
        self.memory = outcome.memory
        if outcome.applies:
            self.replicas = sum(outcome.granted.values())
        return outcome

    def run(self, work: float, ticks: int) -> Outcome:
        """So many periods of traffic that keeps ``work`` replicas busy; the last look."""
        for _ in range(ticks - 1):
            self.tick(work)
        return self.tick(work)

    def tick(self, work: float) -> Outcome:
        """One period of traffic."""
        self.now += PERIOD_SECONDS
        self.arrived += work * PERIOD_SECONDS * 2
        return self.look(self.samples(in_flight=work))
