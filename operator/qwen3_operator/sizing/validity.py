"""Which combinations of model, format, device and parallelism the engine accepts at all. No arithmetic on memory.

Rules and their places in sglang 0.5.23: models/qwen3.py (heads), layers/quantization/fp8.py l.570-612 and 1565-1605
(FP8 blocks), layers/quantization/marlin_utils.py l.165-190 (int4 and int8 groups), cookbook Qwen3.mdx
(moe_intermediate_size / (TP / EP) in blocks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_operator.catalog import Accelerator, Model, QuantizationFormat


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something does not work: a stable CamelCase word, and the numbers."""

    reason: str
    number: str


def device_problem(accelerator: Accelerator, form: QuantizationFormat) -> Problem | None:
    """Why the engine does not run on the device, or not with weights of this format."""
    if accelerator.not_served:
        return Problem("EngineUnsupported", accelerator.not_served)
    if accelerator.device not in form.devices:
        return Problem("QuantizationUnsupported", f"{form.name} runs on {' and '.join(form.devices)} devices only")
    needed, has = form.min_compute_capability, accelerator.compute_capability
    if needed is not None and has is not None and has < needed:
        return Problem("QuantizationUnsupported", f"{form.name} needs compute capability {needed}, has {has}")
    return None


def shape_problem(model: Model, form: QuantizationFormat, tensor_parallel: int, expert_parallel: int) -> Problem | None:
    """Why the model cannot be cut into so many parts."""
    return (
        _heads(model, tensor_parallel)
        or _experts(model, tensor_parallel, expert_parallel)
        or _blocks(model, form, tensor_parallel, expert_parallel)
    )


def card_problem(accelerator: Accelerator, tensor_parallel: int) -> Problem | None:
    """Why so many devices cannot be handed out."""
    pair = accelerator.devices_per_card
    if tensor_parallel % pair:
        return Problem(
            "PartOfCard", f"{accelerator.name} is handed out in cards of {pair} devices, TP {tensor_parallel}"
        )
    return None


def _heads(model: Model, tensor_parallel: int) -> Problem | None:
    if model.heads % tensor_parallel:
        return Problem("HeadsNotDivisible", f"{model.heads} attention heads by TP {tensor_parallel}")
    large, small = max(model.kv_heads, tensor_parallel), min(model.kv_heads, tensor_parallel)
    if large % small:
        return Problem("HeadsNotDivisible", f"{model.kv_heads} KV heads by TP {tensor_parallel}")
    return None


def _experts(model: Model, tensor_parallel: int, expert_parallel: int) -> Problem | None:
    experts = model.experts.count if model.experts else 1
    if experts % expert_parallel or tensor_parallel % expert_parallel:
        return Problem("ExpertsNotDivisible", f"{experts} experts, TP {tensor_parallel} by EP {expert_parallel}")
    return None


def _blocks(model: Model, form: QuantizationFormat, tensor_parallel: int, expert_parallel: int) -> Problem | None:
    if form.block_size is None:
        return None
    if model.experts:
        width, parts = model.experts.intermediate_size, tensor_parallel // expert_parallel
    else:
        width, parts = model.intermediate_size, tensor_parallel
    for size, cut in ((width, parts), (model.heads * model.head_dim, tensor_parallel)):
        if size % (cut * form.block_size):
            number = f"{size} / {cut} = {size / cut:g} is no multiple of {form.block_size}"
            return Problem("BlockNotDivisible", number)
    return None
