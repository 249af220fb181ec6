"""The choice, the rejections and the failure in words and numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qwen3_operator.api.status import Rejection
from qwen3_operator.sizing.failure import FailureReason, PlanFailure
from qwen3_operator.sizing.text import counted, gigabytes, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.api.status import Placement
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.sizing.candidates import Candidate, Order
    from qwen3_operator.sizing.needs import Wanted

MAX_REJECTIONS = 16
MAX_NODES_NAMED = 3


def shape(candidate: Candidate) -> str:
    """``2 x H100-SXM (pool h100-80gb-hbm3)``."""
    accelerator, pool = candidate.pool.accelerator.name, candidate.pool.name
    devices = "" if candidate.on_cpu else f"{candidate.tensor_parallel} x "
    return f"{devices}{accelerator} (pool {pool})"


def summary(wanted: Wanted, chosen: Sequence[tuple[Candidate, Placement]]) -> str:
    """The plan in one line per placement."""
    return "; ".join(_placed(wanted, candidate, placement) for candidate, placement in chosen)


def _placed(wanted: Wanted, candidate: Candidate, placement: Placement) -> str:
    memory, need = placement.memory, wanted.need
    parallel = "" if candidate.on_cpu else f", TP {placement.tensor_parallel}"
    if placement.expert_parallel > 1:
        parallel += f", EP {placement.expert_parallel}"
    holder = "of the pod" if candidate.on_cpu else "per device"
    requests = f"{counted(placement.max_concurrency, 'request')} of {need.request_tokens}"
    return (
        f"{wanted.model.name} {placement.quantization} on {shape(candidate)}{parallel}: "
        f"{gigabytes(memory.weights)} weights + {gigabytes(memory.kv_cache)} KV cache "
        f"({thousands(placement.kv_cache_tokens)} tokens, {requests}) + "
        f"{gigabytes(memory.activations + memory.overhead)} reserve of {gigabytes(memory.total)} {holder}"
    )


def rejections(
    wanted: Wanted, found: Sequence[Candidate], chosen: Sequence[Candidate]
) -> tuple[tuple[Rejection, ...], dict[str, int]]:
    """The nearest misses, at most 16, and how many candidates fell for each reason."""
    missed = sorted(
        ((_distance(candidate), candidate) for candidate in found if candidate not in chosen), key=lambda pair: pair[0]
    )
    reasons = [(candidate, *_reason(wanted, candidate, chosen)) for _, candidate in missed]
    listed = tuple(
        Rejection(candidate=_label(wanted, candidate), reason=reason, number=number)
        for candidate, reason, number in reasons[:MAX_REJECTIONS]
    )
    return listed, dict(Counter(reason for _, reason, _ in reasons))


def _distance(candidate: Candidate) -> tuple[int, int, Order]:
    """Working ones first, then the smallest lack of memory, then rules."""
    missing = candidate.estimate.missing_bytes if candidate.estimate else 0
    kind = 0 if candidate.problem is None else 1 if missing else 2
    return (kind, missing, candidate.order)


def _reason(wanted: Wanted, candidate: Candidate, chosen: Sequence[Candidate]) -> tuple[str, str]:
    if candidate.problem:
        return candidate.problem.reason, candidate.problem.number
    if candidate.room < wanted.replicas:
        return "NoRoom", f"room for {candidate.room} of {counted(wanted.replicas, 'replica')}"
    best = chosen[0]
    if candidate.tensor_parallel > best.tensor_parallel:
        return "MoreDevices", f"{candidate.tensor_parallel} devices per replica instead of {best.tensor_parallel}"
    return "OtherPreferred", f"as many devices as {shape(best)}, which comes first"


def _label(wanted: Wanted, candidate: Candidate) -> str:
    label = f"pool {candidate.pool.name}, {wanted.form.name}"
    if not candidate.on_cpu:
        label += f", TP {candidate.tensor_parallel}"
    return label if candidate.expert_parallel == 1 else f"{label}, EP {candidate.expert_parallel}"


def no_fit(wanted: Wanted, inventory: Inventory, found: Sequence[Candidate], advice: str) -> PlanFailure:
    """What is needed, what is free, and the nearest thing that would fit."""
    listed, counts = rejections(wanted, found, ())
    reason = FailureReason.NO_FIT if found else FailureReason.NO_NODES
    sentences = [_lack(wanted, found), _unused(inventory), advice]
    return PlanFailure(reason, " ".join(sentence for sentence in sentences if sentence), listed, counts)


def _lack(wanted: Wanted, found: Sequence[Candidate]) -> str:
    what = f"{wanted.model.name} {wanted.form.name}"
    if not found:
        return "No node is usable."
    working = [candidate for candidate in found if candidate.problem is None]
    if working:
        best, room = working[0], sum(_room_by_pool(working).values())
        replicas = counted(wanted.replicas, "replica")
        return f"{what} takes {shape(best)} per replica; {replicas} wanted, room for {room}: {_stock(best)}."
    nearest = min(found, key=_distance)
    problem = nearest.problem
    return f"No pool can hold {what}; nearest is {shape(nearest)}: {problem.number if problem else ''}."


def _stock(best: Candidate) -> str:
    """What is free in the pool: devices, and the host's memory and CPU where those are what is missing."""
    nodes = best.pool.nodes
    free = sum(node.free_devices for node in nodes)
    stock = "" if best.on_cpu else f"{free} of {sum(node.devices for node in nodes)} devices are free there"
    demand = best.demand
    if demand is None or not any(node.free_devices >= demand.devices and not node.replicas(demand) for node in nodes):
        return stock
    needs = f"{demand.cpu_millicores / 1000:g} CPU and {gigabytes(demand.memory_bytes)}"
    cpu = max(node.free_cpu_millicores for node in nodes) / 1000
    memory = gigabytes(max(node.free_memory_bytes for node in nodes))
    host = f"a replica needs {needs} of its node, at most {cpu:g} CPU and {memory} are free on one"
    return f"{stock}; {host}" if stock else host


def _room_by_pool(working: Sequence[Candidate]) -> dict[str, int]:
    room: dict[str, int] = {}
    for candidate in working:
        room.setdefault(candidate.pool.name, candidate.room)
    return room


def _unused(inventory: Inventory) -> str:
    if not inventory.unused:
        return ""
    named = ", ".join(f"{node.name} ({node.reason})" for node in inventory.unused[:MAX_NODES_NAMED])
    more = len(inventory.unused) - MAX_NODES_NAMED
    return f"{counted(len(inventory.unused), 'node')} not usable: {named}{f' and {more} more' if more > 0 else ''}."
