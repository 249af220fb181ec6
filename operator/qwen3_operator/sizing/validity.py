"""Which combinations of model, format, device and parallelism the engine accepts at all. No arithmetic on memory.

Rules and their places in sglang 0.5.23: models/qwen3.py (heads), layers/quantization/fp8.py l.570-612 and 1565-1605
(FP8 blocks), layers/quantization/marlin_utils.py l.165-190 (int4 and int8 groups), cookbook Qwen3.mdx
(moe_intermediate_size / (TP / EP) in blocks), --kv-cache-dtype in arg_groups/fields/model.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import KVCacheDataType
from qwen3_operator.sizing.reasons import Problem, Reason
from qwen3_runtime.config import Engine as EngineName

if TYPE_CHECKING:
    from qwen3_operator.catalog import Accelerator, Engine, Model, QuantizationFormat

FP8_CACHE_CAPABILITY = 8.9
"""Compute capability from which FP8 keys and values are computed as such; the engine's check knows CUDA only."""


def device_problem(accelerator: Accelerator, form: QuantizationFormat, engine: Engine) -> Problem | None:
    """Why the engine does not run on the device, or not with weights of this format."""
    if accelerator.family not in engine.families:
        return Problem(Reason.ENGINE_UNSUPPORTED, _unsupported(accelerator, engine))
    if accelerator.device not in form.devices:
        return Problem(
            Reason.QUANTIZATION_UNSUPPORTED, f"{form.name} runs on {' and '.join(form.devices)} devices only"
        )
    needed, has = form.min_compute_capability, accelerator.compute_capability
    if engine.name is EngineName.SGLANG and needed is not None and has is not None and has < needed:
        return Problem(Reason.QUANTIZATION_UNSUPPORTED, f"{form.name} needs compute capability {needed}, has {has}")
    if not form.runs_on(engine.name, accelerator.family):
        number = f"{engine.name} does not run {form.name} on {accelerator.family}"
        return Problem(Reason.QUANTIZATION_UNSUPPORTED, number)
    return None


def _unsupported(accelerator: Accelerator, engine: Engine) -> str:
    if engine.name is EngineName.SGLANG and accelerator.not_served:
        return accelerator.not_served
    return f"{engine.label} does not run on {accelerator.family}"


def engine_problem(engine: Engine, tensor_parallel: int, expert_parallel: int, data_parallel: int) -> Problem | None:
    """Why the engine does not run on devices that share the work so; ``tensor_parallel`` counts all of them."""
    if engine.tensor_parallel and tensor_parallel not in engine.tensor_parallel:
        sizes = " or ".join(map(str, engine.tensor_parallel))
        return Problem(Reason.PARALLELISM_UNSUPPORTED, f"{engine.name} runs on {sizes} devices, not {tensor_parallel}")
    whole = {"Any": {expert_parallel}, "All": {1, tensor_parallel}, "None": {1}}[engine.expert_parallel]
    if expert_parallel not in whole:
        number = f"{engine.name} deals experts to {' or '.join(map(str, sorted(whole)))} groups, not {expert_parallel}"
        return Problem(Reason.PARALLELISM_UNSUPPORTED, number)
    if data_parallel > 1 and not engine.data_parallel:
        number = f"{engine.name} is not planned with data parallel attention, DP {data_parallel}"
        return Problem(Reason.PARALLELISM_UNSUPPORTED, number)
    return None


def cache_problem(accelerator: Accelerator, data_type: KVCacheDataType, engine: Engine) -> Problem | None:
    """Why engine or device cannot keep the KV cache in this type."""
    if data_type is KVCacheDataType.FP8 and not engine.fp8_cache:
        return Problem(Reason.KV_CACHE_UNSUPPORTED, f"{engine.name} has no FP8 KV cache")
    if data_type is not KVCacheDataType.FP8 or (accelerator.compute_capability or 0) >= FP8_CACHE_CAPABILITY:
        return None
    return Problem(Reason.KV_CACHE_UNSUPPORTED, f"an FP8 KV cache needs compute capability {FP8_CACHE_CAPABILITY}")


def adapter_problem(accelerator: Accelerator, engine: Engine) -> Problem | None:
    """Why the engine does not serve LoRA adapters on the device."""
    able = engine.adapters.devices if engine.adapters else ()
    if accelerator.device in able:
        return None
    number = f"{engine.label} serves LoRA adapters on {' and '.join(able) or 'no'} devices only"
    return Problem(Reason.ENGINE_UNSUPPORTED, number)


def group_problem(data_parallel: int) -> Problem | None:
    """Why attention groups do not go with adapters: SGLang wants a group for each device then (lora_manager.py)."""
    if data_parallel == 1:
        return None
    number = f"LoRA adapters are not planned with data parallel attention, DP {data_parallel}"
    return Problem(Reason.PARALLELISM_UNSUPPORTED, number)


def shape_problem(
    model: Model, form: QuantizationFormat, tensor_parallel: int, expert_parallel: int, data_parallel: int = 1
) -> Problem | None:
    """Why the model cannot be cut into so many parts; ``tensor_parallel`` counts all devices."""
    return (
        _heads(model, tensor_parallel // data_parallel)
        or _experts(model, tensor_parallel, expert_parallel)
        or _blocks(model, form, tensor_parallel, expert_parallel, tensor_parallel // data_parallel)
    )


def card_problem(accelerator: Accelerator, tensor_parallel: int) -> Problem | None:
    """Why so many devices cannot be handed out."""
    pair = accelerator.devices_per_card
    if tensor_parallel % pair:
        return Problem(
            Reason.PART_OF_CARD, f"{accelerator.name} is handed out in cards of {pair} devices, TP {tensor_parallel}"
        )
    return None


def _heads(model: Model, parts: int) -> Problem | None:
    recurrent = model.recurrent
    counted = [(model.heads, "attention heads")]
    counted += [(recurrent.key_heads, "key heads of the recurrent layers")] if recurrent else []
    for heads, name in counted:
        if heads % parts:
            return Problem(Reason.HEADS_NOT_DIVISIBLE, f"{heads} {name} by TP {parts}")
    large, small = max(model.kv_heads, parts), min(model.kv_heads, parts)
    if large % small:
        return Problem(Reason.HEADS_NOT_DIVISIBLE, f"{model.kv_heads} KV heads by TP {parts}")
    return None


def _experts(model: Model, tensor_parallel: int, expert_parallel: int) -> Problem | None:
    experts = model.experts.count if model.experts else 1
    if experts % expert_parallel or tensor_parallel % expert_parallel:
        return Problem(Reason.EXPERTS_NOT_DIVISIBLE, f"{experts} experts, TP {tensor_parallel} by EP {expert_parallel}")
    return None


def _blocks(
    model: Model, form: QuantizationFormat, tensor_parallel: int, expert_parallel: int, attention_parallel: int
) -> Problem | None:
    if form.block_size is None:
        return None
    if model.experts:
        width, parts = model.experts.intermediate_size, tensor_parallel // expert_parallel
    else:
        width, parts = model.intermediate_size, tensor_parallel
    widths = [(width, parts), (model.heads * model.head_dim, attention_parallel)]
    if model.experts and model.experts.shared_intermediate_size:
        widths.append((model.experts.shared_intermediate_size, tensor_parallel))
    for size, cut in widths:
        if size % (cut * form.block_size):
            number = f"{size} / {cut} = {size / cut:g} is no multiple of {form.block_size}"
            return Problem(Reason.BLOCK_NOT_DIVISIBLE, number)
    return None
