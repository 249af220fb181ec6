"""The route of one deployment: its ready pods and what each carries, or how long it takes to wake. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from qwen3_operator.manifests.names import PLACEMENT_LABEL, dns_label
from qwen3_operator.reconcile.ledger import CONTAINER_STARTED, TOKEN_SEEN
from qwen3_operator.reconcile.observed import PodView
from qwen3_runtime.config import API_PORT
from qwen3_runtime.tenancy import Endpoint, Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.api.status import Capacity, Placement, PlanStatus
    from qwen3_operator.performance.rates import TokenRates
    from qwen3_operator.tenancy.served import Served


def route(served: Served, plan: PlanStatus, adapters: Sequence[str] = ()) -> Route:
    """Where requests for a deployment go.

    Args:
        served: The deployment.
        plan: The plan in force.
        adapters: Names of its LoRA adapters that are its own. One is routed to while any ready pod has it.
    """
    return Route(
        name=served.served_name,
        adapters=_somewhere(adapters, served) or None,
        namespace=served.key.namespace,
        deployment=served.key.name,
        task=served.task,
        context_length=plan.context_length,
        thinking=served.thinking,
        max_thinking_tokens=served.spec.thinking.max_budget_tokens,
        first_token_target_seconds=served.spec.slo.first_token_seconds,
        sleeping=sum(placement.replicas for placement in plan.placements) == 0,
        wake_seconds=_wake_seconds(served.deployment),
        endpoints=_endpoints(served, plan),
    )


def _somewhere(adapters: Sequence[str], served: Served) -> tuple[str, ...]:
    """Those that a ready pod has, by the status; all where no pod is ready: what one will have is not known."""
    if not any(PodView(pod).is_ready for pod in served.pods):
        return tuple(adapters)
    statuses = (served.deployment.get("status") or {}).get("adapters", ())
    there = {entry["name"] for entry in statuses if entry.get("pods")}
    return tuple(name for name in adapters if name in there)


def _endpoints(served: Served, plan: PlanStatus) -> tuple[Endpoint, ...]:
    """Ready pods of the plan's placements, by address: the same pods are the same text."""
    by_label = {dns_label(placement.pool): placement for placement in plan.placements}
    found: list[Endpoint] = []
    for view in map(PodView, served.pods):
        placement = by_label.get(view.pod["metadata"]["labels"].get(PLACEMENT_LABEL, ""))
        address = view.status.get("podIP")
        if placement is not None and address and view.is_ready:
            pool = placement.pool
            found.append(_endpoint(address, placement, served.capacity.get(pool), served.rates.get(pool)))
    return tuple(sorted(found, key=lambda endpoint: endpoint.address))


def _endpoint(address: str, placement: Placement, capacity: Capacity | None, rates: TokenRates | None) -> Endpoint:
    held = most_in_flight(placement, capacity)
    return Endpoint(
        address=f"[{address}]:{API_PORT}" if ":" in address else f"{address}:{API_PORT}",
        placement=placement.pool,
        max_in_flight=held,
        weight=rates.output or rates.prompt if rates else held,
        prompt_tokens_per_second=rates.prompt if rates else None,
        output_tokens_per_second=(rates.output or None) if rates else None,
    )


def most_in_flight(placement: Placement, capacity: Capacity | None) -> int:
    """Requests that one replica holds within spec.slo: the plan's word, with the memory that the engine found.

    Where the targets and not memory limit it, more memory changes nothing.
    """
    predicted = placement.predicted.max_concurrency if placement.predicted else placement.max_concurrency
    if capacity is None or capacity.max_concurrency is None:
        return max(1, predicted)
    found = capacity.max_concurrency.found
    is_memory_bound = predicted >= placement.max_concurrency
    return max(1, found if is_memory_bound else min(found, predicted))


def _wake_seconds(deployment: Mapping[str, Any]) -> float | None:
    """From the first container to the first token, by the start-up ledger; None before the first start.

    Scheduling is left out: the ledger of a deployment that began asleep counts its sleep there.
    """
    steps = {step["phase"]: step for step in (deployment.get("status") or {}).get("startup", ())}
    first, last = steps.get(CONTAINER_STARTED), steps.get(TOKEN_SEEN)
    if not first or not last or not last.get("finishedAt"):
        return None
    length = datetime.fromisoformat(last["finishedAt"]) - datetime.fromisoformat(first["startedAt"])
    return max(0.0, length.total_seconds())
