"""What the spec asks for, checked against the catalog: the model, the format, the tokens."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.sizing.failure import FailureReason, PlanFailure
from qwen3_operator.sizing.memory import Need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog, Checkpoint, Model, QuantizationFormat
    from qwen3_operator.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parts of a spec that the search works on."""

    model: Model
    checkpoint: Checkpoint
    form: QuantizationFormat
    need: Need
    replicas: int
    """At least one: room is looked for even while nothing is to run."""
    pools: frozenset[str]
    accelerators: frozenset[str]
    max_devices: int | None


def wanted(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog) -> Wanted | PlanFailure:
    """The spec in the catalog's terms, or what is wrong with it: field, value, and what would be right."""
    model = catalog.models.get(spec.model.name)
    if model is None:
        known = nearest(spec.model.name, catalog.models)
        return PlanFailure(FailureReason.UNKNOWN_MODEL, f"spec.model.name {spec.model.name!r} is not known: {known}")
    quantization = _format(spec)
    checkpoint = model.checkpoint(quantization)
    if checkpoint is None:
        has = ", ".join(found.quantization for found in model.checkpoints)
        message = f"spec.model.quantization {quantization} does not exist for {model.name}: it has {has}"
        return PlanFailure(FailureReason.UNSUPPORTED_QUANTIZATION, message)
    need = _need(spec, model)
    if isinstance(need, PlanFailure):
        return need
    if problem := _unknown_hardware(spec, inventory, catalog):
        return problem
    return Wanted(
        model=model,
        checkpoint=checkpoint,
        form=catalog.quantizations[quantization],
        need=need,
        replicas=max(1, spec.replicas or 1),
        pools=frozenset(spec.hardware.pools),
        accelerators=frozenset(spec.hardware.accelerators),
        max_devices=spec.hardware.max_devices_per_replica,
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Up to three known names that look like ``name``, else all of them, as the end of a sentence."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(by_lower[found] for found in close)}?"
    return f"known are {', '.join(sorted(by_lower.values()))}" if by_lower else "none is known"


def spec_digest(spec: DeploymentSpec) -> str:
    """Digest of what a plan depends on. Replicas are left out: scaling keeps the plan."""
    model = spec.model.model_dump(mode="json", include={"name", "quantization", "context_length"})
    parts = [model, spec.hardware.to_json(), spec.workload.to_json()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _format(spec: DeploymentSpec) -> Quantization:
    """The format to plan. A claim holds one format that is not known before it is mounted; Auto means BF16."""
    asked = spec.model.quantization
    return Quantization.BF16 if asked is Quantization.AUTO else asked


def _need(spec: DeploymentSpec, model: Model) -> Need | PlanFailure:
    asked, workload = spec.model.context_length, spec.workload
    limit = f"at most {model.max_context} for {model.name} ({model.native_context} without YaRN)"
    if asked is not None and asked > model.max_context:
        return PlanFailure(FailureReason.CONTEXT_TOO_LONG, f"spec.model.contextLength {asked} is too long: {limit}")
    context = asked or model.native_context
    tokens = context
    if workload.input_tokens and workload.output_tokens:
        tokens = workload.input_tokens.p95 + workload.output_tokens.p95
    if tokens > context:
        message = (
            f"spec.workload.inputTokens.p95 + outputTokens.p95 = {tokens} exceeds the context of {context} tokens: "
            f"set spec.model.contextLength, {limit}"
        )
        return PlanFailure(FailureReason.CONTEXT_TOO_LONG, message)
    return Need(context_length=context, request_tokens=tokens, concurrency=workload.concurrency or 1)


def _unknown_hardware(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog) -> PlanFailure | None:
    for name in spec.hardware.accelerators:
        if name not in catalog.accelerators:
            known = nearest(name, catalog.accelerators)
            message = f"spec.hardware.accelerators {name!r} is not known: {known}"
            return PlanFailure(FailureReason.UNKNOWN_ACCELERATOR, message)
    pools = set(inventory.pools) | {node.pool for node in inventory.unused if node.pool}
    for name in spec.hardware.pools:
        if name not in pools:
            message = f"spec.hardware.pools {name!r} does not exist: {nearest(name, pools)}"
            return PlanFailure(FailureReason.UNKNOWN_POOL, message)
    return None
