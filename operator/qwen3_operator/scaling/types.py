"""What is asked of the autoscaler, what it sees, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PERIOD_SECONDS = 10.0
"""From one decision to the next."""


class QueueOrder(StrEnum):
    """In which order waiting requests are served."""

    DEADLINE = "deadline"
    """Those that can still meet their target first, in the gateway; those that are late already yield."""
    FIFO = "fifo"
    """As they came, in the engines: a shortfall makes nearly everyone late."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a deployment asks for. Times in seconds; None: no target."""

    max_replicas: int
    """Of all placements together."""
    min_replicas: int = 1
    time_to_first_token: float | None = None
    time_per_output_token: float | None = None
    queue: QueueOrder = QueueOrder.DEADLINE

    def __post_init__(self) -> None:
        """Refuse bounds that no fleet could keep; waking a fleet from zero is not the autoscaler's."""
        if not 1 <= self.min_replicas <= self.max_replicas:
            raise ValueError(f"1 <= minReplicas <= maxReplicas: {self.min_replicas}, {self.max_replicas}")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one replica of a placement does while it keeps the targets, and what there is room for."""

    placement: str
    input_tokens_per_second: float
    """Prompt tokens that are not in the cache, if it did nothing else."""
    output_tokens_per_second: float
    """Generated tokens, if it did nothing else."""
    startup_seconds: float
    """From the decision to the first request served, as measured."""
    available: int
    """Most replicas that quota and devices allow, those that run included."""
    price_per_hour: float = 1.0
    """Of a replica, in any currency; equal prices where there are none."""
    quota: str = ""
    """What allows no more than ``available``, in words, where more devices are free."""
    first_token_seconds: float = 0.0
    """Time to the first token of a request alone on a replica."""
    output_token_seconds: float = 0.0
    """Time per output token of a request alone on a replica."""

    def __post_init__(self) -> None:
        """Refuse what cannot be divided by."""
        if min(self.input_tokens_per_second, self.output_tokens_per_second) <= 0:
            raise ValueError(f"{self.placement}: tokens per second must be greater than 0")
        if self.startup_seconds < 0 or self.available < 0 or self.price_per_hour <= 0:
            raise ValueError(f"{self.placement}: start-up and room must not be negative, the price greater than 0")

    def work(self, input_tokens: float, output_tokens: float) -> float:
        """Replica-seconds that these tokens take."""
        return input_tokens / self.input_tokens_per_second + output_tokens / self.output_tokens_per_second


@dataclass(frozen=True, slots=True)
class Fleet:
    """Pods of one placement. Those that drain answer what they have and take nothing new."""

    placement: str
    ready: int
    pending: int = 0
    draining: int = 0

    @property
    def replicas(self) -> int:
        """What was asked for: pending pods are capacity on its way."""
        return self.ready + self.pending


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since some start, counted when requests arrive; a smaller total than before is a restart."""

    requests: float
    input_tokens: float
    """Prompt tokens that are not in the cache."""
    output_tokens: float
    """Expected of the requests that arrived."""
    late: float
    """Requests that missed a target."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The deployment at one moment. A value that is not known is None or not a number."""

    fleets: tuple[Fleet, ...]
    counters: Counters | None
    unscraped: int = 0
    """Pods that serve and whose metrics are missing in the counters."""
    is_gateway_missing: bool = False
    """The gateway routes to the deployment, and what waits there is in no counter."""
    waiting: float = 0.0
    """Requests that wait."""
    time_to_first_token: float | None = None
    """Seconds, at the percentile of the target, over the last minute."""
    time_per_output_token: float | None = None


class Seen(StrEnum):
    """What sets a moment apart; several may hold at once."""

    NO_SCRAPE = "NoScrape"
    PARTIAL_SCRAPE = "PartialScrape"
    NO_GATEWAY = "NoGatewayScrape"
    DRAINING = "Draining"
    PENDING = "PodsPending"
    NO_TRAFFIC = "NoTraffic"


class Rule(StrEnum):
    """What decided."""

    HEADROOM = "Headroom"
    """The work that arrives, and the headroom that replayed arrivals ask for."""
    BACKLOG = "Backlog"
    """The work that waits asks for more than that."""
    LATENCY = "LatencyGuard"
    """Latency is above its target."""
    HOLD = "Hold"
    """Nothing is known: the last good scale."""


class Stop(StrEnum):
    """What kept the wanted from being granted."""

    MIN_REPLICAS = "MinReplicas"
    MAX_REPLICAS = "MaxReplicas"
    NO_ROOM = "NoRoom"
    QUOTA_EXCEEDED = "QuotaExceeded"
    """Devices are free, and a quota allows no more of them."""
    NO_DATA = "NoData"
    LATENCY_ABOVE_TARGET = "LatencyAboveTarget"
    REST_CANNOT_CARRY = "RestCannotCarry"
    TARGET_UNREACHABLE = "TargetUnreachable"
    """A request alone on a replica misses the target: replicas do not help."""


@dataclass(frozen=True, slots=True)
class Seeing:
    """The numbers behind a decision; work in replicas of the first placement that was ever seen."""

    work: float | None
    """That arrived since the last decision; None where that is not known."""
    level: float
    """Of the work, smoothed."""
    headroom: float
    """Kept above the level."""
    waiting: float
    late_share: float
    """Of the requests, over two days, the later ones counting more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer, as it is shown to people."""

    seen: tuple[Seen, ...]
    observed: Seeing
    rule: Rule
    wanted: float
    """In replicas of the first placement that was ever seen."""
    granted: dict[str, int]
    """Replicas of each placement."""
    stopped: tuple[Stop, ...]
    next_at: float
    """When to decide again; same clock as ``now``."""

    @property
    def replicas(self) -> int:
        """Of all placements."""
        return sum(self.granted.values())
