"""The pod's configuration: what the plan and the user's spec mean to the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import KVCacheDataType as AskedDataType
from qwen3_operator.api.deployment import UseCase
from qwen3_operator.catalog.base import MIB
from qwen3_operator.manifests.weights import adapters, model_files
from qwen3_runtime.config import (
    Device,
    Engine,
    Group,
    KVCacheDataType,
    Limits,
    Npus,
    Parallelism,
    RuntimeConfig,
    Sampling,
    Shutdown,
    Task,
    Thinking,
    ThinkingMode,
    ToolCallFormat,
)

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.status import Placement, PlanStatus
    from qwen3_operator.catalog import Catalog, Model
    from qwen3_operator.catalog import Engine as CatalogEngine

LAME_DUCK_SECONDS = 10
"""kube-proxy and gateways take this long to forget an endpoint; requests that still come are served. On two
busy cores kube-proxy took more than five seconds for 1 to 2 of 100 changes, by its own histogram, and never ten."""


def runtime_config(spec: DeploymentSpec, plan: PlanStatus, placement: Placement, catalog: Catalog) -> RuntimeConfig:
    """Everything the pods of one placement need to know."""
    model, engine = catalog.models[plan.model], catalog.newest(Engine(placement.engine))
    device = Device(placement.device)
    return RuntimeConfig(
        served_model_name=spec.model.served_name or plan.model,
        model=model_files(spec, placement, model),
        engine=engine.name,
        extra_args=spec.engine.extra_args,
        device=device,
        quantization=placement.quantization,
        parallelism=Parallelism(
            tensor_parallel=placement.tensor_parallel,
            expert_parallel=placement.expert_parallel,
            data_parallel=placement.data_parallel if placement.data_parallel > 1 else None,
        ),
        group=Group(nodes=placement.nodes) if placement.nodes > 1 else None,
        npus=_npus(placement, engine, catalog) if device is Device.NPU else None,
        kv_cache_data_type=_kv_cache(spec),
        device_layers=placement.offload.device_layers if placement.offload else None,
        limits=_limits(plan, placement, device),
        native_context_length=model.unscaled_context(plan.context_length),
        thinking=Thinking(spec.thinking.default.value) if spec.thinking.default else Thinking.ENABLED,
        max_thinking_tokens=spec.thinking.max_budget_tokens,
        sampling=_sampling(model),
        task=other_task(model),
        thinking_mode=None if model.thinking == "Hybrid" else ThinkingMode(model.thinking),
        tool_call_format=None if model.tool_calls == "JSON" else ToolCallFormat(model.tool_calls),
        adapters=adapters(spec, placement, model, engine),
        shutdown=Shutdown(lame_duck_seconds=LAME_DUCK_SECONDS, drain_seconds=spec.drain_timeout_seconds),
    )


def _npus(placement: Placement, engine: CatalogEngine, catalog: Catalog) -> Npus:
    """What the pods find out before they start. An accelerator that the catalog has no more is not checked."""
    known = catalog.accelerators.get(placement.accelerator)
    return Npus(
        resource=placement.resource_name,
        devices=placement.devices_per_replica // placement.nodes,
        chips=known.chips if known else (),
        memory_mib=placement.memory.total // MIB,
        oldest_cann=engine.oldest_cann,
    )


def other_task(model: Model) -> Task | None:
    """What the pods answer; None, which leaves no trace in their template, for models that generate."""
    if model.generates:
        return None
    return Task.EMBED if UseCase.EMBEDDING in model.use_cases else Task.RERANK


def _sampling(model: Model) -> Sampling | None:
    if model.sampling is None:
        return None
    return Sampling.model_validate(model.sampling.model_dump(exclude={"source"}, exclude_none=True))


def _kv_cache(spec: DeploymentSpec) -> KVCacheDataType | None:
    asked = spec.engine.kv_cache_data_type
    return None if asked is AskedDataType.AUTO else KVCacheDataType(asked.value)


def _limits(plan: PlanStatus, placement: Placement, device: Device) -> Limits:
    """On a device of its own the engine measures what is free; of a CPU node or a shared GPU it would take all.

    llama.cpp measures nothing: it takes what it is told.
    """
    told = device is Device.CPU or Engine(placement.engine) is Engine.LLAMA_CPP
    if placement.shared_device and not told:
        return Limits(context_length=plan.context_length, max_total_tokens=placement.kv_cache_tokens)
    if not told:
        return Limits(context_length=plan.context_length)
    return Limits(
        context_length=plan.context_length,
        max_running_requests=placement.max_concurrency,
        max_total_tokens=placement.kv_cache_tokens,
    )
