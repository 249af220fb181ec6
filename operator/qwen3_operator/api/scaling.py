"""``spec.scaling``: who decides how many replicas run, and within which bounds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qwen3_operator.api.base import ApiModel, Rule, as_map
from qwen3_operator.api.schedule import Schedule  # noqa: TC001  # pydantic reads it at run time

IDLE_SECONDS = 600
"""Twice the longest of the start-ups that are usual for large models (3 to 5 minutes): sleeping must be worth it."""

_NIGHT = {"name": "night", "start": "0 20 * * *", "end": "0 6 * * *"}
_TWO = {"mode": "Auto", "minReplicas": 2, "maxReplicas": 4}

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
    schedules: Annotated[tuple[Schedule, ...], Field(max_length=16), as_map("name")] = ()
    """Bounds at times of the day, the week or the year, in place of minReplicas and maxReplicas. Of several at once the
    largest minReplicas and the largest maxReplicas that they set hold."""

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
            "!has(self.schedules) || !has(self.maxReplicas) || self.schedules.all(s, has(s.maxReplicas) || "
            "!has(s.minReplicas) || s.minReplicas <= self.maxReplicas)",
            "spec.scaling.schedules: minReplicas must not exceed spec.scaling.maxReplicas where the schedule has no "
            "maxReplicas of its own",
            good={"scaling": {"mode": "Auto", "maxReplicas": 2, "schedules": [{**_NIGHT, "minReplicas": 2}]}},
            bad={"scaling": {"mode": "Auto", "maxReplicas": 2, "schedules": [{**_NIGHT, "minReplicas": 3}]}},
        ),
        Rule(
            "!has(self.schedules) || !has(self.minReplicas) || self.schedules.all(s, has(s.minReplicas) || "
            "!has(s.maxReplicas) || self.minReplicas <= s.maxReplicas)",
            "spec.scaling.schedules: maxReplicas must not be below spec.scaling.minReplicas where the schedule has no "
            "minReplicas of its own",
            good={"scaling": {**_TWO, "schedules": [{**_NIGHT, "minReplicas": 1, "maxReplicas": 1}]}},
            bad={"scaling": {**_TWO, "schedules": [{**_NIGHT, "maxReplicas": 1}]}},
        ),
        Rule(
            "!has(self.idleSeconds) || (has(self.minReplicas) && self.minReplicas == 0) || "
            "(has(self.schedules) && self.schedules.exists(s, has(s.minReplicas) && s.minReplicas == 0))",
            "spec.scaling.idleSeconds is for minReplicas: 0, in spec.scaling or in one of its schedules",
            good={"scaling": {"mode": "Auto", "minReplicas": 0, "maxReplicas": 2, "idleSeconds": 300}},
            bad={"scaling": {"mode": "Auto", "minReplicas": 1, "maxReplicas": 2, "idleSeconds": 300}},
        ),
    )

    @property
    def idle_limit(self) -> int:
        """Seconds without a request before the last replica ends."""
        return self.idle_seconds or IDLE_SECONDS
