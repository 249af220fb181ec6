"""Why a candidate is not taken: stable words, listed with their meaning in docs/planning.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Reason of a rejection in ``status.plan.rejected``; the first that holds is given."""

    NOT_SELECTED = "NotSelected"
    """spec.hardware names other pools or accelerators."""
    ENGINE_UNSUPPORTED = "EngineUnsupported"
    """The engine does not run on the device, or serves no LoRA adapters there."""
    QUANTIZATION_UNSUPPORTED = "QuantizationUnsupported"
    """The device or the engine does not run the format."""
    KV_CACHE_UNSUPPORTED = "KVCacheUnsupported"
    """The device or the engine has no KV cache of this data type."""
    MAX_DEVICES = "MaxDevices"
    """More devices than spec.hardware.maxDevicesPerReplica."""
    PARALLELISM_UNSUPPORTED = "ParallelismUnsupported"
    """The engine does not run on so many devices, or does not deal out experts or attention so."""
    PART_OF_CARD = "PartOfCard"
    """Devices are handed out in cards, and this is not a whole number of them."""
    HEADS_NOT_DIVISIBLE = "HeadsNotDivisible"
    """Attention heads cannot be dealt out to so many devices."""
    EXPERTS_NOT_DIVISIBLE = "ExpertsNotDivisible"
    """Experts cannot be dealt out to so many groups."""
    BLOCK_NOT_DIVISIBLE = "BlockNotDivisible"
    """A part of a weight matrix is no whole number of quantization blocks."""
    OUT_OF_MEMORY = "OutOfMemory"
    """Weights, KV cache and reserve exceed a device, or a node for CPU pods."""
    MAX_RUNNING_REQUESTS = "MaxRunningRequests"
    """More requests in flight on a replica than the engine runs at a time."""
    NEEDS_SEVERAL_NODES = "NeedsSeveralNodes"
    """It would fit on more devices than one node has, and the pool has too few such nodes."""
    NEEDS_LEADER_WORKER_SET = "NeedsLeaderWorkerSet"
    """It would fit on several nodes, which takes the LeaderWorkerSet controller, and the cluster has none."""
    TOO_LARGE_FOR_CPU = "TooLargeForCPU"
    """CPU nodes are not tried with a model of this size unless they are named."""
    TIME_TO_FIRST_TOKEN = "TimeToFirstToken"  # noqa: S105  # no password
    """Slower than spec.slo.timeToFirstToken."""
    TIME_PER_OUTPUT_TOKEN = "TimePerOutputToken"  # noqa: S105  # no password
    """Slower than spec.slo.timePerOutputToken."""
    LOAD_TOO_HIGH = "LoadTooHigh"
    """spec.replicas replicas carry fewer requests per second than spec.workload asks for."""
    SPEED_UNKNOWN = "SpeedUnknown"
    """Nothing is known of its speed, and spec.slo, optimizeFor or requestsPerSecond asks for it."""
    ACCELERATOR_PREFERRED = "AcceleratorPreferred"
    """A CPU node, where an accelerator can run the model."""
    PRICE_UNKNOWN = "PriceUnknown"
    """The pool has no price, and there is a budget or the chosen pool has one."""
    ABOVE_BUDGET = "AboveBudget"
    """Costs more than spec.hardware.maxCostPerHour."""
    NO_ROOM = "NoRoom"
    """Too few devices are free for the replicas that spec.replicas asks for or the load takes."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """Enough devices are free, and ResourceQuotas of the namespace leave too little for the replicas."""
    COSTS_MORE = "CostsMore"
    """Works, at a higher price."""
    MORE_DEVICES = "MoreDevices"
    """Works, with more devices."""
    SLOWER = "Slower"
    """Works, more slowly (optimizeFor: Latency)."""
    LOWER_QUALITY = "LowerQuality"
    """Works, with a lesser model or format."""
    OTHER_PREFERRED = "OtherPreferred"
    """Works as well; another comes first in the order of ties."""


OVER_NODES = frozenset({Reason.NEEDS_SEVERAL_NODES, Reason.NEEDS_LEADER_WORKER_SET})
"""A node has too few devices, and more of them would do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something does not work: the reason, and the numbers."""

    reason: Reason
    number: str
