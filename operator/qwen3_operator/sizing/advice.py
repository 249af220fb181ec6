"""The nearest spec that would fit, where the one asked for does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import Hardware
from qwen3_operator.catalog import CPU
from qwen3_operator.sizing.candidates import candidates
from qwen3_operator.sizing.explain import shape
from qwen3_operator.sizing.failure import PlanFailure
from qwen3_operator.sizing.needs import wanted
from qwen3_operator.sizing.search import assign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.sizing.candidates import Candidate

SHORTEST_CONTEXT = 2048

Change = tuple["DeploymentSpec", str]
"""A changed spec, and the change in words."""


def advice(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog, found: Sequence[Candidate]) -> str:
    """One sentence with the smallest change that makes the spec fit, or that none of those tried does."""
    for changed, sentence in _changes(spec, catalog, found):
        asked = wanted(changed, inventory, catalog)
        if isinstance(asked, PlanFailure):
            continue
        if assigned := assign(candidates(asked, inventory, catalog), asked.replicas):
            return f"Nearest that would fit: {sentence}, on {' and '.join(shape(found) for found, _ in assigned)}."
    return "Nothing near it would fit: another format, a shorter context and smaller models were tried."


def _changes(spec: DeploymentSpec, catalog: Catalog, found: Sequence[Candidate]) -> Iterator[Change]:
    """Changed specs, the smallest change first."""
    working = {candidate.pool.name: candidate.room for candidate in reversed(found) if candidate.problem is None}
    if room := sum(working.values()):
        yield spec.model_copy(update={"replicas": room}), f"spec.replicas: {room}"
    if spec.hardware != Hardware():
        yield spec.model_copy(update={"hardware": Hardware()}), "no limits in spec.hardware"
    yield spec.model_copy(update={"hardware": Hardware(accelerators=(CPU,))}), f"spec.hardware.accelerators: [{CPU}]"
    yield from _formats(spec, catalog)
    if (spec.workload.concurrency or 1) > 1:
        yield _one_request(spec), "spec.workload.concurrency: 1"
    if spec.workload.input_tokens is None:
        yield from _shorter(spec, catalog)
    yield from _smaller(spec, catalog)


def _formats(spec: DeploymentSpec, catalog: Catalog) -> Iterator[Change]:
    """The model's other formats."""
    for checkpoint in catalog.models[spec.model.name].checkpoints:
        sentence = f"spec.model.quantization: {checkpoint.quantization} with the weights of {checkpoint.repository}"
        yield _with_model(spec, quantization=checkpoint.quantization), sentence


def _shorter(spec: DeploymentSpec, catalog: Catalog) -> Iterator[Change]:
    """Half the context, and half again."""
    length = (spec.model.context_length or catalog.models[spec.model.name].native_context) // 2
    while length >= SHORTEST_CONTEXT:
        changed = _with_model(_one_request(spec), context_length=length)
        yield changed, f"spec.model.contextLength: {length} with spec.workload.concurrency: 1"
        length //= 2


def _smaller(spec: DeploymentSpec, catalog: Catalog) -> Iterator[Change]:
    """Smaller published models, the largest first, each in its formats."""
    limit = catalog.models[spec.model.name].parameters
    for model in sorted(catalog.models.values(), key=lambda model: -model.parameters):
        if model.parameters >= limit:
            continue
        for checkpoint in model.checkpoints:
            if checkpoint.repository:
                sentence = f"spec.model.name: {model.name} with spec.model.quantization: {checkpoint.quantization}"
                yield _with_model(spec, name=model.name, quantization=checkpoint.quantization), sentence


def _one_request(spec: DeploymentSpec) -> DeploymentSpec:
    return spec.model_copy(update={"workload": spec.workload.model_copy(update={"concurrency": 1})})


def _with_model(spec: DeploymentSpec, **changed: object) -> DeploymentSpec:
    return spec.model_copy(update={"model": spec.model.model_copy(update=changed)})
