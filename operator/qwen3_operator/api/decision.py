"""What the autoscaler saw, decided and did (``status.decision``, ``status.decisions``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qwen3_operator.api.base import ApiModel, as_atomic


class Observed(ApiModel):
    """Numbers behind a decision. Work is told in replicas of the plan's first placement: 1 keeps one of them busy."""

    work: str = ""
    """That arrived since the decision before; empty where that is not known."""
    level: str = ""
    """Of the work, smoothed."""
    headroom: str = ""
    """Kept above the level."""
    waiting: int = 0
    """Requests that wait in engines and in the gateway, there by their work: one of twice the usual tokens is two."""
    in_flight: int = 0
    """Requests that were sent to engines and are not answered yet."""
    late_share: str = ""
    """Of the requests, over two days, the later ones counting more, e.g. 0.4%."""
    time_to_first_token: str = ""
    """At spec.slo.percentile over the last minute; empty where nothing was streamed."""
    time_per_output_token: str = ""
    """Likewise."""


class BoundsInForce(ApiModel):
    """How few and how many replicas there could be. Only where spec.scaling has schedules."""

    min_replicas: int
    """Fewest replicas."""
    max_replicas: int
    """Most replicas."""
    schedules: Annotated[tuple[str, ...], as_atomic()] = ()
    """Those in force. None: the bounds are those of spec.scaling."""
    beginning: Annotated[tuple[str, ...], as_atomic()] = ()
    """Those that come next, and whose replicas are begun beforehand."""
    until: str | None = None
    """When a schedule next begins or ends. RFC 3339."""


class Decision(ApiModel):
    """One decision of the autoscaler. Renewed where it says something new, and every five minutes."""

    at: str
    """When. RFC 3339."""
    next_at: str
    """When it looks again. RFC 3339."""
    seen: Annotated[tuple[str, ...], as_atomic()] = ()
    """NoScrape, PartialScrape, NoGatewayScrape, Draining, PodsPending, NoTraffic: what sets the moment apart."""
    observed: Observed = Observed()
    """What was measured."""
    rule: str
    """What decided: Headroom, Backlog, LatencyGuard, Hold, Idle, Demand or Manual."""
    wanted: str
    """Replicas of the plan's first placement that the work asks for."""
    granted: dict[str, int] = Field(default_factory=dict)
    """Replicas by pool."""
    stopped: Annotated[tuple[str, ...], as_atomic()] = ()
    """What kept the wanted from being granted, e.g. MaxReplicas, NoRoom, QuotaExceeded, NoData."""
    quota: str = ""
    """The ResourceQuota behind QuotaExceeded, and what it leaves beside the replicas that there are."""
    bounds: BoundsInForce | None = None
    """How few and how many replicas there could be. Only where spec.scaling has schedules."""
    corrected: dict[str, str] = Field(default_factory=dict)
    """What a replica is taken to do beside the plan's prediction, by pool, e.g. 0.85; without those that are as
    predicted."""
    manual_until: str | None = None
    """Until when a change of spec.replicas by hand holds. RFC 3339."""


class Change(ApiModel):
    """A decision that changed the number of replicas."""

    at: str
    """When. RFC 3339."""
    before: int
    """Replicas of all placements."""
    after: int
    """Replicas of all placements."""
    rule: str
    """What decided."""
    reason: str
    """In words and numbers."""
