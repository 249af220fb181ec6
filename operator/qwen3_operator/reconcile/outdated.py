"""Would a new plan be better than the one that runs? Pure.

The planner's order is total, so a new plan that differs is preferred to the one in force. What it is better in decides
whether that is worth telling: a number, or a pool that is not what it was. Reasons are a stable contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.api.intent import Objective, seconds
from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.reconcile.observed import Verdict
from qwen3_operator.sizing import PlanFailure, cost_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qwen3_operator.api.status import Placement, PlanStatus
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory

CURRENT = Verdict(ConditionStatus.FALSE, "Current", "the planner would choose the same again")
NOTICEABLE = 0.01
"""Relative difference below which cost and time are taken to be the same."""
_NOTICEABLE_ROOM = 0.1
"""Likewise of requests at a time: a newer model of memory moves them a little, and no pod is replaced for that."""


class Number(NamedTuple):
    """Something that may be better: smaller, before and after; None where it is not known."""

    before: float | None
    after: float | None
    words: str
    """Both as a person reads them."""


def judge_plan(
    current: PlanStatus,
    fresh: PlanStatus | PlanFailure,
    room: Inventory,
    catalog: Catalog,
    objective: Objective,
) -> Verdict:
    """The condition PlanOutdated.

    Args:
        current: The plan in force.
        fresh: What the planner answers now.
        room: What there is for the deployment now, its own pods not counted.
        catalog: What is known now.
        objective: What the spec asks to be optimized.
    """
    if isinstance(fresh, PlanFailure):
        return Verdict(ConditionStatus.FALSE, "NothingBetter", f"a new plan would find nothing: {fresh.message}")
    would_be = f"a new plan would be: {fresh.summary}"
    if _shapes(current) == _shapes(fresh):
        if changed := _changed(current, fresh):
            return Verdict(ConditionStatus.TRUE, "PoolChanged", f"{changed}; {would_be}")
        return _roomier(_requests(current), _requests(fresh), would_be)
    if gone := next(_without_room(current, room), ""):
        return Verdict(ConditionStatus.TRUE, "PoolGone", f"{gone}; {would_be}")
    better = next(_decided(current, fresh, room, catalog, objective), None)
    if better is None:
        return Verdict(ConditionStatus.FALSE, "NothingBetter", "a new plan would differ and not be better")
    return Verdict(ConditionStatus.TRUE, "BetterPlan", f"{better.words}; {would_be}")


def _roomier(before: int, after: int, would_be: str) -> Verdict:
    """Of plans that differ in the requests that their pods take at a time, if at all: on CPU nodes as many as asked."""
    if abs(after - before) <= _NOTICEABLE_ROOM * before:
        return CURRENT
    words = f"room for {after} requests at a time instead of {before}"
    if after < before:
        return Verdict(ConditionStatus.FALSE, "NothingBetter", f"a new plan would have {words}")
    return Verdict(ConditionStatus.TRUE, "BetterPlan", f"{words}; {would_be}")


def _requests(plan: PlanStatus) -> int:
    return sum(placement.replicas * placement.max_concurrency for placement in plan.placements)


def _decided(
    current: PlanStatus, fresh: PlanStatus, room: Inventory, catalog: Catalog, objective: Objective
) -> Iterator[Number]:
    """The first number that differs, if it is better after."""
    for number in _numbers(current, fresh, room, catalog, objective):
        if number.before is None or number.after is None:
            continue
        if abs(number.before - number.after) > NOTICEABLE * abs(number.before):
            if number.after < number.before:
                yield number
            return


def _numbers(
    current: PlanStatus, fresh: PlanStatus, room: Inventory, catalog: Catalog, objective: Objective
) -> Iterator[Number]:
    """In the order in which the planner looks at them."""
    yield _number(current, fresh, _on_cpu, lambda value: "on CPUs" if value else "on accelerators")
    quality = _by_quality(current, fresh, catalog)
    if objective is Objective.LATENCY:
        yield _number(current, fresh, _token_time, lambda value: f"{value * 1000:.1f} ms per token")
        yield _number(current, fresh, _first_token_time, lambda value: f"{value * 1000:.0f} ms to the first token")
    elif objective is Objective.QUALITY:
        yield quality
    yield _number(current, fresh, lambda plan: _cost(plan, room), lambda value: f"{value:.2f} per hour")
    yield _number(current, fresh, _all_devices, lambda value: f"{value:.0f} device{'s' if value != 1 else ''}")
    yield quality


def _number(
    current: PlanStatus,
    fresh: PlanStatus,
    measure: Callable[[PlanStatus], float | None],
    words: Callable[[float], str],
) -> Number:
    before, after = measure(current), measure(fresh)
    if before is None or after is None:
        return Number(before, after, "")
    return Number(before, after, f"{words(after)} instead of {words(before)}")


def _on_cpu(plan: PlanStatus) -> float:
    return float(any(not placement.resource_name for placement in plan.placements))


def _all_devices(plan: PlanStatus) -> float:
    return float(sum(placement.replicas * placement.devices_per_replica for placement in plan.placements))


def _by_quality(current: PlanStatus, fresh: PlanStatus, catalog: Catalog) -> Number:
    """The better model, then the better format; only the order of the two is known, not how far they are apart."""
    before, after = _quality(current, catalog), _quality(fresh, catalog)
    words = f"{_name(fresh)} instead of {_name(current)}"
    if before is None or after is None:
        return Number(None, None, words)
    return Number(float(before > after), float(after > before), words)


def _quality(plan: PlanStatus, catalog: Catalog) -> tuple[int, int, int] | None:
    """As the planner ranks it, smaller is better; of several formats the worst."""
    model = catalog.models.get(plan.model)
    if model is None:
        return None
    ranks = {str(form.name): form.rank for form in catalog.quantizations.values()}
    worst = max((ranks.get(placement.quantization, 0) for placement in plan.placements), default=0)
    return -(model.quality or 0), -model.parameters, worst


def _token_time(plan: PlanStatus) -> float | None:
    return _worst(placement.predicted.time_per_output_token for placement in plan.placements if placement.predicted)


def _first_token_time(plan: PlanStatus) -> float | None:
    return _worst(placement.predicted.time_to_first_token for placement in plan.placements if placement.predicted)


def _worst(times: Iterable[str]) -> float | None:
    try:
        return max((seconds(time) for time in times), default=None)
    except ValueError:  # written by another version
        return None


def _cost(plan: PlanStatus, room: Inventory) -> float | None:
    found = cost_of(plan.placements, room)
    return None if found is None else float(found)


def _name(plan: PlanStatus) -> str:
    formats = dict.fromkeys(placement.quantization for placement in plan.placements)
    return f"{plan.model} {' and '.join(formats)}"


def _shapes(plan: PlanStatus) -> list[tuple[object, ...]]:
    """What a plan places where, without what a pool adds."""
    return sorted(
        (
            plan.model, found.pool, found.accelerator, found.quantization, found.tensor_parallel, found.expert_parallel,
            found.data_parallel, found.kv_cache_data_type, found.nodes, found.replicas,
        )
        for found in plan.placements
    )  # fmt: skip


def _changed(current: PlanStatus, fresh: PlanStatus) -> str:
    """What a pool says otherwise now, in words; empty where nothing."""
    after = {placement.pool: placement for placement in fresh.placements}
    for before in current.placements:
        now = after[before.pool]
        settings = (
            ("image", before.image, now.image),
            ("RuntimeClass", before.runtime_class_name, now.runtime_class_name),
            ("tolerations", before.tolerations, now.tolerations),
            ("node labels", _nodes(before), _nodes(now)),
        )
        if different := [name for name, old, new in settings if old != new]:
            return f"pool {before.pool} has other {' and '.join(different)}"
    return ""


def _nodes(placement: Placement) -> tuple[object, ...]:
    """What tells the nodes. Labels that must be missing change with the catalog, and no pod is wrong for it."""
    kept = [found for found in placement.node_requirements if found.operator != "DoesNotExist"]
    return placement.node_selector, kept


def _without_room(plan: PlanStatus, room: Inventory) -> Iterator[str]:
    """Placements that could not be made again."""
    for placement in plan.placements:
        pool = room.pools.get(placement.pool)
        if pool is None:
            yield f"pool {placement.pool} has no usable nodes any more"
        elif pool.accelerator.name != placement.accelerator or pool.resource_name != placement.resource_name:
            yield f"pool {placement.pool} is {pool.accelerator.name} now, the plan is for {placement.accelerator}"
        elif (found := room.room(placement)) < placement.replicas:
            yield f"pool {placement.pool} has room for {found} of {placement.replicas} replicas now"
