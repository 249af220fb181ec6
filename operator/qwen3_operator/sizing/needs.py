"""What the spec asks for, checked against the catalog: models and formats, the load, the targets."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import EngineChoice, KVCacheDataType
from qwen3_operator.api.intent import price
from qwen3_operator.sizing.adapters import AdapterRoom, adapter_room, asked_room
from qwen3_operator.sizing.failure import FailureReason, PlanFailure
from qwen3_operator.sizing.names import ACCELERATORS_COMMAND, nearest
from qwen3_operator.sizing.offers import Offer, engine_name, offers

if TYPE_CHECKING:
    from decimal import Decimal

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.intent import Objective
    from qwen3_operator.catalog import Catalog, Engine
    from qwen3_operator.inventory import Inventory

ASSUMED_INPUT_TOKENS = 1024
ASSUMED_OUTPUT_TOKENS = 512
"""Lengths that times are predicted for where the spec says none. The project's assumption; texts say so."""
_BYTES = {KVCacheDataType.AUTO: 2, KVCacheDataType.BF16: 2, KVCacheDataType.FP8: 1}


@dataclass(frozen=True, slots=True)
class Traffic:
    """The load of the whole deployment."""

    concurrency: int
    """Requests in flight; 1 where ``rate`` is given."""
    rate: float | None
    """Requests per second."""
    replicas: int | None
    """How many replicas share it, at least one; None: as many as it takes."""
    input_tokens: int
    output_tokens: int
    """Of a mean request; 1 where the models write no tokens."""
    long_input_tokens: int
    """Of a prompt at the 95th percentile."""
    assumed: bool
    """Whether the two lengths are the project's assumption."""

    def share(self, replicas: int) -> int:
        """Requests in flight on each of so many replicas."""
        return -(-self.concurrency // replicas)


@dataclass(frozen=True, slots=True)
class Targets:
    """Longest times in seconds; None: any."""

    first_token: float | None
    output_token: float | None
    percentile: int

    @property
    def asked(self) -> bool:
        """Whether there is a target at all."""
        return self.first_token is not None or self.output_token is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parts of a spec that the search works on."""

    offers: tuple[Offer, ...]
    traffic: Traffic
    targets: Targets
    objective: Objective
    kv_data_type: KVCacheDataType
    budget: Decimal | None
    pools: frozenset[str]
    accelerators: frozenset[str]
    max_devices: int | None
    engine: Engine
    adapters: AdapterRoom | None = None

    @property
    def kv_element_bytes(self) -> int:
        """Of one number in the KV cache."""
        return _BYTES[self.kv_data_type]

    @property
    def label(self) -> str:
        """What is to be placed, in words."""
        if len(self.offers) == 1:
            return self.offers[0].name
        models = {offer.model.name for offer in self.offers}
        name = next(iter(models)) if len(models) == 1 else f"any of {len(models)} models"
        return f"{name} in {len({offer.form.name for offer in self.offers})} formats"


def wanted(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog) -> Wanted | PlanFailure:
    """The spec in the catalog's terms, or what is wrong with it: field, value, and what would be right."""
    found = offers(spec, catalog)
    if isinstance(found, PlanFailure):
        return found
    if problem := _unknown_hardware(spec, inventory, catalog):
        return problem
    generates = any(offer.model.generates for offer in found)
    each = spec.slo.output_token_seconds if generates else None
    engine = catalog.newest(engine_name(spec))
    return Wanted(
        offers=found,
        traffic=_traffic(spec, generates=generates),
        targets=Targets(spec.slo.first_token_seconds, each, spec.slo.percentile),
        objective=spec.optimize_for,
        kv_data_type=spec.engine.kv_cache_data_type,
        budget=price(spec.hardware.max_cost_per_hour),
        pools=frozenset(spec.hardware.pools),
        accelerators=frozenset(spec.hardware.accelerators),
        max_devices=spec.hardware.max_devices_per_replica,
        engine=engine,
        adapters=adapter_room(spec, engine),
    )


def spec_digest(spec: DeploymentSpec) -> str:
    """Digest of what a plan depends on. Replicas are left out: scaling keeps the plan."""
    library = spec.model.source.library
    fields = {"name", "use_case", "minimum_quality", "quantization", "context_length"}
    parts = [
        spec.model.model_dump(mode="json", include=fields, exclude_none=True),
        [library.holds_models, library.holds_formats],
        spec.engine.kv_cache_data_type.value,
        spec.hardware.to_json(),
        spec.workload.to_json(),
        spec.slo.to_json(),
        spec.optimize_for.value,
    ]
    if spec.engine.name is not EngineChoice.AUTO:
        parts.append(spec.engine.name.value)
    if room := asked_room(spec):
        parts.append(list(room))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def typical_request(spec: DeploymentSpec, *, generates: bool) -> tuple[int, int]:
    """Tokens of its prompt and of its answer; an embedding or a rank is an answer of one."""
    prompt, answer = spec.workload.input_tokens, spec.workload.output_tokens
    return (
        prompt.mean if prompt else ASSUMED_INPUT_TOKENS,
        (answer.mean if answer else ASSUMED_OUTPUT_TOKENS) if generates else 1,
    )


def _traffic(spec: DeploymentSpec, *, generates: bool) -> Traffic:
    workload = spec.workload
    prompt, answer = workload.input_tokens, workload.output_tokens
    inputs, outputs = typical_request(spec, generates=generates)
    return Traffic(
        concurrency=workload.concurrency or 1,
        rate=workload.rate,
        replicas=None if spec.replicas is None else max(1, spec.replicas),
        input_tokens=inputs,
        output_tokens=outputs,
        long_input_tokens=prompt.p95 if prompt else inputs,
        assumed=prompt is None or (generates and answer is None),
    )


def _unknown_hardware(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog) -> PlanFailure | None:
    for name in spec.hardware.accelerators:
        if name not in catalog.accelerators:
            known = nearest(name, catalog.accelerators, ACCELERATORS_COMMAND)
            message = f"spec.hardware.accelerators {name!r} is not known: {known}"
            return PlanFailure(FailureReason.UNKNOWN_ACCELERATOR, message)
    pools = inventory.pool_names
    for name in spec.hardware.pools:
        if name not in pools:
            message = f"spec.hardware.pools {name!r} does not exist: {nearest(name, pools)}"
            return PlanFailure(FailureReason.UNKNOWN_POOL, message)
    return None
