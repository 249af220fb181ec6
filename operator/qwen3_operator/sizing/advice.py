"""The nearest spec that would fit, where the one asked for does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import AUTO, Hardware, KVCacheDataType
from qwen3_operator.api.intent import ServiceLevel
from qwen3_operator.catalog import CPU
from qwen3_operator.sizing.failure import PlanFailure
from qwen3_operator.sizing.field import survey
from qwen3_operator.sizing.needs import wanted
from qwen3_operator.sizing.nofit import shape_in, working
from qwen3_operator.sizing.search import assign
from qwen3_operator.sizing.text import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog, Model
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.sizing.field import Field

SHORTEST_CONTEXT = 2048
_FACTORS = (1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)
"""By which targets are made longer until something meets them."""

Change = tuple["DeploymentSpec", str]
"""A changed spec, and the change in words."""


def advice(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog, field: Field) -> str:
    """One sentence with the smallest change that makes the spec fit, or that none of those tried does."""
    for changed, sentence in _changes(spec, catalog, field):
        asked = wanted(changed, inventory, catalog)
        if isinstance(asked, PlanFailure):
            continue
        if assigned := assign(survey(asked, inventory, catalog)):
            places = " and ".join(shape_in(part.candidate.pool, part.candidate.rating) for part in assigned)
            return f"Nearest that would fit: {sentence}, on {places}."
    return "Nothing near it would fit: another format, a shorter context and smaller models were tried."


def _changes(spec: DeploymentSpec, catalog: Catalog, field: Field) -> Iterator[Change]:
    """Changed specs, the smallest change first."""
    if spec.replicas is not None and (room := _room(field)):
        yield spec.model_copy(update={"replicas": room}), f"spec.replicas: {room}"
    yield from _fewer_requests(spec, field)
    yield from _looser(spec, field)
    if spec.hardware != Hardware():
        yield spec.model_copy(update={"hardware": Hardware()}), "no limits in spec.hardware"
    yield spec.model_copy(update={"hardware": Hardware(accelerators=(CPU,))}), f"spec.hardware.accelerators: [{CPU}]"
    if spec.model.name == AUTO:
        return
    model = catalog.models[spec.model.name]
    yield from _formats(spec, model)
    if spec.engine.kv_cache_data_type is not KVCacheDataType.FP8:
        engine = spec.engine.model_copy(update={"kv_cache_data_type": KVCacheDataType.FP8})
        yield spec.model_copy(update={"engine": engine}), "spec.engine.kvCacheDataType: FP8"
    if (spec.workload.concurrency or 1) > 1:
        yield _one_request(spec), "spec.workload.concurrency: 1"
    if spec.workload.input_tokens is None:
        yield from _shorter(spec, model)
    yield from _smaller(spec, model, catalog)


def _room(field: Field) -> int:
    """Replicas that there is room for in all pools together."""
    return sum(field.room(pool, rating) for pool, rating in working(field))


def _fewer_requests(spec: DeploymentSpec, field: Field) -> Iterator[Change]:
    """As many requests in flight as what is free carries, where the plan may choose how many replicas."""
    if spec.replicas is not None or (spec.workload.concurrency or 1) == 1:
        return
    carried = sum(field.room(pool, rating) * rating.most for pool, rating in working(field))
    if 0 < carried < (spec.workload.concurrency or 1):
        workload = spec.workload.model_copy(update={"concurrency": carried})
        yield spec.model_copy(update={"workload": workload}), f"spec.workload.concurrency: {carried}"


def _looser(spec: DeploymentSpec, field: Field) -> Iterator[Change]:
    """Both targets made longer by the same factor."""
    targets = field.wanted.targets
    if not targets.asked or all(rating.problem is None for group in field.groups for rating in group.ratings):
        return
    for factor in _FACTORS:
        update, words = {}, []
        if targets.first_token is not None:
            update["time_to_first_token"] = milliseconds(targets.first_token * factor)
            words.append(f"spec.slo.timeToFirstToken: {update['time_to_first_token']}")
        if targets.output_token is not None:
            update["time_per_output_token"] = milliseconds(targets.output_token * factor)
            words.append(f"spec.slo.timePerOutputToken: {update['time_per_output_token']}")
        yield spec.model_copy(update={"slo": spec.slo.model_copy(update=update)}), " and ".join(words)
    yield spec.model_copy(update={"slo": ServiceLevel()}), "no spec.slo"


def _formats(spec: DeploymentSpec, model: Model) -> Iterator[Change]:
    """The model's other formats."""
    for checkpoint in model.checkpoints:
        sentence = f"spec.model.quantization: {checkpoint.quantization} with the weights of {checkpoint.repository}"
        yield _with_model(spec, quantization=checkpoint.quantization), sentence


def _shorter(spec: DeploymentSpec, model: Model) -> Iterator[Change]:
    """Half the context, and half again."""
    length = (spec.model.context_length or model.native_context) // 2
    while length >= SHORTEST_CONTEXT:
        changed = _with_model(_one_request(spec), context_length=length)
        yield changed, f"spec.model.contextLength: {length} with spec.workload.concurrency: 1"
        length //= 2


def _smaller(spec: DeploymentSpec, model: Model, catalog: Catalog) -> Iterator[Change]:
    """Smaller published models for one of the same use cases, the largest first, each in its formats."""
    for smaller in sorted(catalog.models.values(), key=lambda found: -found.parameters):
        if smaller.parameters >= model.parameters or not set(smaller.use_cases) & set(model.use_cases):
            continue
        for checkpoint in smaller.checkpoints:
            if checkpoint.repository:
                sentence = f"spec.model.name: {smaller.name} with spec.model.quantization: {checkpoint.quantization}"
                yield _with_model(spec, name=smaller.name, quantization=checkpoint.quantization), sentence


def _one_request(spec: DeploymentSpec) -> DeploymentSpec:
    workload = spec.workload.model_copy(update={"concurrency": 1, "requests_per_second": None})
    return spec.model_copy(update={"workload": workload})


def _with_model(spec: DeploymentSpec, **changed: object) -> DeploymentSpec:
    return spec.model_copy(update={"model": spec.model.model_copy(update=changed)})
