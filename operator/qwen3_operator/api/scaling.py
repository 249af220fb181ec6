"""``spec.scaling``: who decides how many replicas run, and within which bounds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qwen3_operator.api.base import ApiModel, Rule

IDLE_SECONDS = 600
"""Twice the longest of the start-ups that are usual for large models (3 to 5 minutes): sleeping must be worth it."""

TokenRate = Annotated[int, Field(ge=1, le=100_000_000)]


class ScalingMode(StrEnum):
    """Who decides how many replicas run. ``Off``: spec.replicas or, without it, the plan."""

    OFF = "Off"
    AUTO = "Auto"
    ADVISE = "Advise"
    EXTERNAL = "External"


class ReplicaCapacity(ApiModel):
    """What one replica does within the targets, in tokens per second."""

    input_tokens_per_second: TokenRate
    """Prompt tokens that are not in the cache, if it did nothing else."""
    output_tokens_per_second: TokenRate
    """Generated tokens, if it did nothing else."""


class Scaling(ApiModel):
    """Who decides how many replicas run, and within which bounds."""

    mode: ScalingMode = ScalingMode.OFF
    """Off: spec.replicas is what runs. Auto: the operator decides by the work that arrives; kubectl scale is respected
    for manualHoldSeconds. Advise: it decides and shows it in status.decision, and spec.replicas is what runs.
    External: an autoscaler of your own writes spec.replicas through the scale subresource; the operator's wish is a
    metric and in status.decision."""
    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Fewest replicas. 0: the deployment sleeps after idleSeconds without a request and wakes when one waits in the
    gateway."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most replicas of all placements together. Needed unless mode is Off."""
    idle_seconds: Annotated[int, Field(ge=60, le=604_800)] | None = None
    """How long no request must have been there before the last replica ends. Default: 600. For minReplicas: 0."""
    manual_hold_seconds: Annotated[int, Field(ge=0, le=86_400)] = 900
    """How long a change of spec.replicas, e.g. by kubectl scale, holds in mode Auto before the operator decides."""
    replica_capacity: ReplicaCapacity | None = None
    """What one replica does. Default: what the plan predicts. Needed where the speed of the hardware is not known, e.g.
    on CPUs; status.conditions says so."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.mode) || self.mode == 'Off' || has(self.maxReplicas)",
            "spec.scaling.maxReplicas is needed unless spec.scaling.mode is Off",
            good={"scaling": {"mode": "Auto", "maxReplicas": 8}},
            bad={"scaling": {"mode": "Auto"}},
        ),
        Rule(
            "!has(self.maxReplicas) || !has(self.minReplicas) || self.minReplicas <= self.maxReplicas",
            "spec.scaling.minReplicas must not exceed spec.scaling.maxReplicas",
            good={"scaling": {"mode": "Auto", "minReplicas": 2, "maxReplicas": 2}},
            bad={"scaling": {"mode": "Auto", "minReplicas": 3, "maxReplicas": 2}},
        ),
        Rule(
            "!has(self.idleSeconds) || (has(self.minReplicas) && self.minReplicas == 0)",
            "spec.scaling.idleSeconds is for spec.scaling.minReplicas: 0",
            good={"scaling": {"mode": "Auto", "minReplicas": 0, "maxReplicas": 2, "idleSeconds": 300}},
            bad={"scaling": {"mode": "Auto", "minReplicas": 1, "maxReplicas": 2, "idleSeconds": 300}},
        ),
    )

    @property
    def idle_limit(self) -> int:
        """Seconds without a request before the last replica ends."""
        return self.idle_seconds or IDLE_SECONDS
