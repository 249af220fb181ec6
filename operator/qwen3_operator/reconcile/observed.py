"""What `report` and `diagnose` look at: raw pods beside what the operator learned about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.manifests.groups import INDEX_LABEL, pods_of, template_of
from qwen3_operator.manifests.names import TEMPLATE_ANNOTATION
from qwen3_runtime.config import PhaseReport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.decision import Change, Decision
    from qwen3_operator.api.status import Capacity, ConditionStatus, PlanStatus


class Verdict(NamedTuple):
    """A condition without its times."""

    status: ConditionStatus
    reason: str
    message: str


class ScalingView(NamedTuple):
    """What the autoscaler says of a deployment."""

    verdict: Verdict
    decision: Decision | None
    """None where it could decide nothing."""
    changes: tuple[Change, ...]
    """The last ones, the newest first."""


@dataclass(frozen=True)
class Failure:
    """Why the spec could not be carried out at all."""

    reason: str
    message: str


@dataclass(frozen=True)
class Unreachable:
    """``/phase`` could not be read several times in a row."""

    message: str


PhaseView = PhaseReport | Unreachable | None
"""What is known of a pod's phase; None when it was not asked yet."""


@dataclass(frozen=True)
class PodView:
    """One pod of a deployment."""

    pod: Mapping[str, Any]
    phase: PhaseView = None
    node: Mapping[str, Any] | None = None
    """The node that it is bound to, where known."""
    mount_failure: str = ""
    """Why its volumes cannot be mounted, where they cannot."""

    @property
    def name(self) -> str:
        """Name of the pod."""
        return str(self.pod["metadata"]["name"])

    @property
    def template(self) -> str:
        """Digest of the template that it was made from."""
        return str(self.pod["metadata"].get("annotations", {}).get(TEMPLATE_ANNOTATION, ""))

    @property
    def leads(self) -> bool:
        """Stands for its replica: it is one alone, or the leader of a group."""
        labels: Mapping[str, str] = self.pod["metadata"].get("labels") or {}
        return labels.get(INDEX_LABEL, "0") == "0"

    @property
    def is_replica(self) -> bool:
        """Counts as a replica: neither ending nor ended, and no worker of a group."""
        return self.is_active and self.leads

    @property
    def is_active(self) -> bool:
        """Neither ending nor ended."""
        return "deletionTimestamp" not in self.pod["metadata"] and self.status.get("phase") not in (
            "Failed",
            "Succeeded",
        )

    @property
    def is_bound(self) -> bool:
        """The scheduler found a node for it."""
        return bool(self.pod["spec"].get("nodeName"))

    @property
    def is_up(self) -> bool:
        """Its probes are content; a worker of a group does its part."""
        return self.is_active and condition(self.pod, "Ready").get("status") == "True"

    @property
    def is_ready(self) -> bool:
        """Serves: the Service sends it requests."""
        return self.is_up and self.leads

    def ready_since(self, now: float) -> float:
        """Seconds since the epoch; ``now`` where the pod does not say."""
        since = condition(self.pod, "Ready").get("lastTransitionTime")
        return datetime.fromisoformat(since).timestamp() if since else now

    @property
    def status(self) -> Mapping[str, Any]:
        """The pod's status."""
        status: Mapping[str, Any] = self.pod.get("status", {})
        return status

    @property
    def container(self) -> Mapping[str, Any]:
        """Status of the engine container; empty before the kubelet reports one."""
        return next(iter(self.status.get("containerStatuses", ())), {})


@dataclass(frozen=True)
class Observed:
    """Everything that a status is made from."""

    deployment: Mapping[str, Any]
    plan: PlanStatus | None
    """The plan in force: the children are rendered from it."""
    failure: Failure | None
    """Why the current spec has no plan or no manifests; the old plan and its pods stay."""
    desired: tuple[Mapping[str, Any], ...] = ()
    """Rendered workloads of the current plan. Empty when there is a failure."""
    lists: tuple[Mapping[str, Any], ...] = ()
    """Rendered ConfigMaps of the current plan: lists of LoRA adapters."""
    workloads: tuple[Mapping[str, Any], ...] = ()
    """Workloads in the cluster, old ones included."""
    prefetchers: tuple[Mapping[str, Any], ...] = ()
    """DaemonSets in the cluster that fetch ahead for the current plan."""
    pods: tuple[PodView, ...] = ()
    apply_failure: Failure | None = None
    """The API server refused a manifest."""
    outdated: Verdict | None = None
    """Whether a new plan would be better; None while nobody looked at this plan."""
    offered: Verdict | None = None
    """Whether tenants reach it; None while nobody looked, or where no tenant is let in."""
    capacity: tuple[Capacity, ...] = ()
    """What engines of the plan's placements said of themselves, as far as they were asked."""
    scaling: ScalingView | None = None
    """None where spec.scaling.mode is Off, or nobody looked yet."""
    is_scaled: bool = False
    """The operator decides how many replicas run, and spec.replicas does not."""
    replanned: str = ""
    """The wish for a new plan that was acted on last."""
    previous: Mapping[str, Any] = field(default_factory=dict)
    """``status`` as it is stored now."""

    @property
    def wanted(self) -> int:
        """Replicas of the current plan."""
        return sum(workload["spec"]["replicas"] for workload in self.desired)

    @property
    def wanted_pods(self) -> int:
        """Pods of those replicas."""
        return sum(pods_of(workload) for workload in self.desired)

    @property
    def asked(self) -> int:
        """Replicas that the spec or the autoscaler asks for; where neither says, those of the plan in force, or one."""
        if self.is_scaled and self.desired:
            return self.wanted
        asked = self.deployment["spec"].get("replicas")
        if asked is not None:
            return int(asked)
        planned = sum(placement.replicas for placement in self.plan.placements) if self.plan else 0
        return self.wanted or planned or 1

    @property
    def updated(self) -> tuple[PodView, ...]:
        """Pods of the current templates, ended ones included."""
        templates = {template_of(workload)["metadata"]["annotations"][TEMPLATE_ANNOTATION] for workload in self.desired}
        return tuple(view for view in self.pods if view.template in templates)


def condition(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition of an object's status by type; empty when it is not there."""
    found = (entry for entry in obj.get("status", {}).get("conditions", ()) if entry["type"] == kind)
    return next(found, {})
