"""What plans in force still hold of the cluster. Pure; the operator and ``kubectl qwen3`` share it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import Reservation
from qwen3_operator.manifests.names import PLACEMENT_LABEL, dns_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


UNFINISHED_PODS = "status.phase!=Succeeded,status.phase!=Failed"
"""Field selector of the pods that planning reads: bound ones take room, those that wait for a node count in quotas."""


def stored_plan(status: Mapping[str, Any]) -> PlanStatus | None:
    """The plan in a status; None as well for one that an operator of another version wrote in another form."""
    try:
        return PlanStatus.model_validate(status["plan"])
    except (KeyError, ValidationError):
        return None


def promised(
    plans: Iterable[tuple[tuple[str, str], PlanStatus]], pods: Iterable[Mapping[str, Any]]
) -> Iterator[Reservation]:
    """Replicas that are planned and not bound to a node.

    Args:
        plans: with the namespace and name of their deployment.
        pods: of the same LIST as the nodes that are planned on, bound to a node or not.
    """
    created, bound = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for pod in pods:
        of = _placement_of(pod)
        created[of] += 1
        bound[of] += bool(pod["spec"].get("nodeName"))
    for key, plan in plans:
        for placement in plan.placements:
            of = (*key, dns_label(placement.pool))
            missing = Reservation.of(placement, key[0], bound=bound[of], created=created[of])
            if missing.pods > 0:
                yield missing


def _placement_of(pod: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = pod["metadata"]
    labels = metadata.get("labels") or {}
    return metadata.get("namespace", ""), labels.get(DEPLOYMENT_LABEL, ""), labels.get(PLACEMENT_LABEL, "")
