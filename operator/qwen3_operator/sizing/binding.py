"""The constraint that keeps a plan from being smaller, or better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.intent import Objective
from qwen3_operator.api.status import Binding
from qwen3_operator.sizing.compare import rejection
from qwen3_operator.sizing.options import Option
from qwen3_operator.sizing.rating import Rated
from qwen3_operator.sizing.reasons import Reason
from qwen3_operator.sizing.text import counted, milliseconds
from qwen3_operator.sizing.timing import first_token_at, speed_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.offers import Quality
    from qwen3_operator.sizing.search import Assigned

_CONSTRAINTS = {
    Reason.OUT_OF_MEMORY: "KVCache",
    Reason.MAX_RUNNING_REQUESTS: "MaxRunningRequests",
    Reason.TIME_TO_FIRST_TOKEN: "TimeToFirstToken",
    Reason.TIME_PER_OUTPUT_TOKEN: "TimePerOutputToken",
    Reason.SLOWER: "Latency",
    Reason.ABOVE_BUDGET: "Price",
    Reason.PRICE_UNKNOWN: "Price",
}


def binding(field: Field, assigned: Sequence[Assigned]) -> Binding:
    """Of the first part of a plan: what a better model, fewer replicas or fewer devices would break."""
    best = assigned[0].candidate.rating
    if field.wanted.objective is Objective.QUALITY and (limit := _better_model(field, assigned)):
        return limit
    if best.replicas > 1 and field.wanted.traffic.replicas is None:
        return _one_replica(field, best)
    if smaller := _smaller(field, assigned):
        return smaller
    if best.replicas > 1:
        number = f"spec.replicas asks for {best.replicas}; each needs {counted(best.shape.devices, 'device')}"
        return Binding(constraint="Devices", message=number)
    return Binding(constraint="Devices", message="one replica on the fewest devices that are handed out")


def _one_replica(field: Field, best: Rated) -> Binding:
    """Why one replica does not carry the load."""
    wanted, fit = field.wanted, best.option.fit
    held = fit.most if fit else 0
    load = f"{wanted.traffic.rate:g} requests per second" if wanted.traffic.rate else f"{wanted.traffic.concurrency}"
    if best.most < held and best.speed is not None:
        speed = speed_of(best.option, float(best.most + 1), wanted, field.catalog)
        targets = wanted.targets
        first = first_token_at(speed, targets.percentile) if speed else 0.0
        late = targets.first_token is not None and first > targets.first_token
        constraint = "TimeToFirstToken" if late else "TimePerOutputToken"
        time = first if late else speed.time_per_output_token if speed else 0.0
        allowed = (targets.first_token if late else targets.output_token) or 0.0
        message = (
            f"one replica keeps within spec.slo up to {counted(best.most, 'request')} in flight of {load}: at "
            f"{best.most + 1} it takes {milliseconds(time)}, allowed are {milliseconds(allowed)}"
        )
        return Binding(constraint=constraint, message=message)
    if fit is not None and fit.running <= held and fit.state_bytes:
        message = f"one replica keeps the recurrent state of {fit.running} requests, of {load}"
        return Binding(constraint="RecurrentState", message=message)
    if fit is not None and fit.running <= held:
        message = f"the engine runs {fit.running} requests at a time on one replica, of {load}"
        return Binding(constraint="MaxRunningRequests", message=message)
    tokens = f"{fit.tokens if fit else 0} tokens of KV cache"
    message = f"one replica holds {held} requests of {best.offer.request_tokens} tokens in {tokens}, of {load}"
    return Binding(constraint="KVCache", message=message)


def _smaller(field: Field, assigned: Sequence[Assigned]) -> Binding | None:
    """Why the same model and format does not do with fewer devices of the same kind."""
    best = assigned[0].candidate.rating
    group = next(group for group in field.groups if group.kind is best.kind)
    fewer = [
        choice for choice in group.choices if choice.offer is best.offer and choice.shape.devices < best.shape.devices
    ]
    if not fewer:
        return None
    most = max(choice.shape.devices for choice in fewer)
    close = [choice for choice in fewer if choice.shape.devices == most]
    choice = min(close, key=lambda found: (isinstance(found, Option), found.problem is not None, found.shape))
    problem = choice.problem
    if isinstance(choice, Rated) and problem is None:
        if choice.replicas > best.replicas:
            limit = _one_replica(field, choice)
            return limit.model_copy(update={"message": f"on {choice.shape} {limit.message}"})
        problem = rejection(field, assigned[0].candidate.pool, choice, assigned)
    if problem is None:
        return None
    constraint = _CONSTRAINTS.get(problem.reason, "Devices")
    if isinstance(choice, Option) and problem.reason is Reason.OUT_OF_MEMORY and _no_weights(choice):
        constraint = "Weights"
    return Binding(constraint=constraint, message=f"on {choice.shape}: {problem.reason}, {problem.number}")


def _no_weights(option: Option) -> bool:
    """Whether weights and adapters alone are more than a device may hold."""
    return option.fit is not None and option.fit.cut.resident >= option.fit.space.static


def _better_model(field: Field, assigned: Sequence[Assigned]) -> Binding | None:
    """Why the next better model or format is not taken."""
    best = assigned[0].candidate.rating
    better = [
        (group, choice)
        for group in field.groups
        for choice in group.choices
        if choice.offer.quality < best.offer.quality and not group.kind.on_cpu
    ]
    if not better:
        return None
    group, choice = max(better, key=lambda found: _nearness(found[1]))
    problem = choice.problem
    if isinstance(choice, Rated) and problem is None:
        problem = rejection(field, group.pools[0], choice, assigned)
    if problem is None:
        return None
    name = f"{choice.offer.name} on {choice.shape} in pool {group.pools[0].name}"
    return Binding(
        constraint=_CONSTRAINTS.get(problem.reason, "Devices"), message=f"{name}: {problem.reason}, {problem.number}"
    )


def _nearness(choice: Option | Rated) -> tuple[bool, Quality, int]:
    """What numbers keep out comes before what rules keep out; the nearest in quality; the smallest lack of memory."""
    missing = choice.missing_bytes if isinstance(choice, Option) else 0
    return (isinstance(choice, Rated) or missing > 0, choice.offer.quality, -missing)
