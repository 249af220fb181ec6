"""``report(observed, now)``: the status of a Qwen3Deployment. Pure, and the same for the same observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from qwen3_operator.api.base import ApiModel
from qwen3_operator.api.decision import Change, Decision
from qwen3_operator.api.status import DeploymentStatus, Prefetch
from qwen3_operator.manifests.groups import without_workers
from qwen3_operator.manifests.names import selector, service_url
from qwen3_operator.reconcile.adapters import adapter_statuses
from qwen3_operator.reconcile.capacity import capacities
from qwen3_operator.reconcile.conditions import judge, stamp
from qwen3_operator.reconcile.ledger import startup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.reconcile.observed import Observed

Entry = TypeVar("Entry", bound=ApiModel)


def report(observed: Observed, now: str) -> DeploymentStatus:
    """The whole status.

    Args:
        observed: The deployment, its plan or failure, its children and pods, and its stored status.
        now: RFC 3339 in UTC. Shows up only in transitions and once in the startup ledger.
    """
    metadata = observed.deployment["metadata"]
    generation = metadata["generation"]
    verdicts, ready = judge(observed), sum(view.is_ready for view in observed.pods)
    first = observed.plan.placements[0] if observed.plan and observed.plan.placements else None
    labels = ",".join(f"{name}={value}" for name, value in selector(metadata["name"]).items())
    return DeploymentStatus(
        observed_generation=generation,
        conditions=stamp(verdicts.items(), observed.previous.get("conditions", ()), generation, now),
        plan=observed.plan,
        replicas=sum(view.is_replica for view in observed.pods),
        ready_replicas=ready,
        updated_replicas=sum(view.is_replica for view in observed.updated),
        selector=without_workers(labels, _most_nodes(observed)),
        url=service_url(metadata["name"], metadata["namespace"]) if observed.plan else "",
        capacity=capacities(observed.plan, observed.capacity, observed.previous),
        decision=_decision(observed),
        decisions=_decisions(observed),
        replanned=observed.replanned,
        adapters=adapter_statuses(observed),
        prefetch=_prefetch(observed),
        startup=startup(observed, now),
        model=observed.plan.model if observed.plan else observed.deployment["spec"]["model"]["name"],
        ready=f"{ready}/{observed.asked}",
        accelerator=first.accelerator if first else "",
        quantization=first.quantization if first else "",
        tensor_parallel=first.tensor_parallel if first else None,
    )


def _prefetch(observed: Observed) -> Prefetch | None:
    """Over all placements; None where nothing is fetched ahead."""
    if not observed.prefetchers:
        return None
    counts = [_warm_nodes(found) for found in observed.prefetchers]
    return Prefetch(nodes=sum(nodes for nodes, _ in counts), ready=sum(ready for _, ready in counts))


def _warm_nodes(daemon_set: Mapping[str, Any]) -> tuple[int, int]:
    """Nodes that are to have the model, and those that have: none before the controller has seen the template."""
    status = daemon_set.get("status", {})
    wanted = int(status.get("desiredNumberScheduled", 0))
    if status.get("observedGeneration") != daemon_set["metadata"]["generation"]:
        return wanted, 0
    return wanted, min(int(status.get("numberReady", 0)), int(status.get("updatedNumberScheduled", 0)))


def _most_nodes(observed: Observed) -> int:
    """Pods of the largest replica."""
    return max((placement.nodes for placement in observed.plan.placements), default=1) if observed.plan else 1


def _decision(observed: Observed) -> Decision | None:
    """The autoscaler's; before it has looked, the one that is stored."""
    if observed.scaling is not None:
        return observed.scaling.decision
    if _is_off(observed):
        return None
    return next(iter(_read(Decision, [observed.previous.get("decision")])), None)


def _decisions(observed: Observed) -> tuple[Change, ...]:
    """They stay when the mode becomes Off: they are history."""
    if observed.scaling is not None:
        return observed.scaling.changes
    return _read(Change, observed.previous.get("decisions", ()))


def _is_off(observed: Observed) -> bool:
    return bool(observed.deployment["spec"].get("scaling", {}).get("mode", "Off") == "Off")


def _read(kind: type[Entry], stored: Iterable[Any]) -> tuple[Entry, ...]:
    """What a status holds; nothing where another version wrote it."""
    try:
        return tuple(kind.model_validate(entry) for entry in stored if entry is not None)
    except ValidationError:
        return ()


def stored(status: ApiModel) -> dict[str, Any]:
    """The status as it is applied: without empty maps and lists.

    Server-side apply turns a map that loses its last key into null, which the schema refuses.
    """
    written: dict[str, Any] = _without_empty(status.to_json())
    return written


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_empty(inner) for name, inner in value.items() if inner not in ({}, [])}
    if isinstance(value, list):
        return [_without_empty(inner) for inner in value]
    return value
