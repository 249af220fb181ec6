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

    from qwen3_operator.api.deployment import DeploymentSpec, Workload
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.sizing.candidates import Candidate

SHORTEST_CONTEXT = 2048


def advice(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog, found: Sequence[Candidate]) -> str:
    """One sentence with the smallest change that makes the spec fit, or that none of those tried does."""
    for changed, sentence in _changes(spec, catalog, found):
        asked = wanted(changed, inventory, catalog)
        if isinstance(asked, PlanFailure):
            continue
        if assigned := assign(candidates(asked, inventory, catalog), asked.replicas):
            return f"Nearest that would fit: {sentence}, on {' and '.join(shape(found) for found, _ in assigned)}."
    return "Nothing near it would fit: fewer replicas, another format and a shorter context were tried."


def _changes(
    spec: DeploymentSpec, catalog: Catalog, found: Sequence[Candidate]
) -> Iterator[tuple[DeploymentSpec, str]]:
    """Changed specs, the smallest change first."""
    working = {candidate.pool.name: candidate.room for candidate in reversed(found) if candidate.problem is None}
    if room := sum(working.values()):
        yield spec.model_copy(update={"replicas": room}), f"spec.replicas: {room}"
    if spec.hardware != Hardware():
        yield spec.model_copy(update={"hardware": Hardware()}), "no limits in spec.hardware"
    yield spec.model_copy(update={"hardware": Hardware(accelerators=(CPU,))}), f"spec.hardware.accelerators: [{CPU}]"
    for checkpoint in catalog.models[spec.model.name].checkpoints:
        model = spec.model.model_copy(update={"quantization": checkpoint.quantization})
        sentence = f"spec.model.quantization: {checkpoint.quantization} with the weights of {checkpoint.repository}"
        yield spec.model_copy(update={"model": model}), sentence
    if spec.workload.concurrency > 1:
        yield spec.model_copy(update={"workload": _one_request(spec)}), "spec.workload.concurrency: 1"
    if spec.workload.input_tokens is None:
        yield from _shorter(spec, catalog)


def _one_request(spec: DeploymentSpec) -> Workload:
    return spec.workload.model_copy(update={"concurrency": 1})


def _shorter(spec: DeploymentSpec, catalog: Catalog) -> Iterator[tuple[DeploymentSpec, str]]:
    """Half the context, and half again."""
    length = (spec.model.context_length or catalog.models[spec.model.name].native_context) // 2
    while length >= SHORTEST_CONTEXT:
        model = spec.model.model_copy(update={"context_length": length})
        changed = spec.model_copy(update={"model": model, "workload": _one_request(spec)})
        yield changed, f"spec.model.contextLength: {length} with spec.workload.concurrency: 1"
        length //= 2
