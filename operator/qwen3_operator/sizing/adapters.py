"""LoRA adapters beside a model: who can serve them, and the room that engines make for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.catalog.models import BF16_BYTES
from qwen3_operator.sizing.failure import FailureReason, PlanFailure

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog, Engine, Model

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_DENSE = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class AdapterRoom:
    """Buffers on every device. They are as large whatever the adapters hold."""

    slots: int
    rank: int

    def bytes_on_device(self, model: Model, tensor_parallel: int) -> int:
        """Buffers of all layers on one of so many devices.

        A factor that meets the whole hidden state is there on each device, the other one is cut like the layer
        (sglang 0.5.23 lora/mem_pool.py get_lora_A_shape and get_lora_B_shape; vllm 0.32.0 lora/layers).
        """
        hidden, inner = model.hidden_size, model.intermediate_size // tensor_parallel
        queries = model.heads // tensor_parallel * model.head_dim
        keys = max(1, model.kv_heads // tensor_parallel) * model.head_dim
        numbers = (3 * hidden + queries + 2 * keys) + (queries + hidden)
        if model.experts is None:
            numbers += (2 * hidden + 2 * inner) + (inner + hidden)
        return self.slots * self.rank * model.layers * numbers * BF16_BYTES


def adapter_targets(model: Model) -> tuple[str, ...]:
    """Layers that an adapter may change. Those of experts would take the room of hundreds of adapters."""
    return _ATTENTION if model.experts else (*_ATTENTION, *_DENSE)


def asked_room(spec: DeploymentSpec) -> tuple[int, int] | None:
    """How many adapters there is to be room for, and the largest rank; None without adapters."""
    asked, listed = spec.model.adapter_room, spec.model.adapters
    if not listed and asked is None:
        return None
    ranks = [adapter.rank for adapter in listed] + ([asked.rank] if asked else [])
    return max(len(listed), asked.count if asked else 0), max(ranks)


def adapter_room(spec: DeploymentSpec, engine: Engine) -> AdapterRoom | None:
    """What the engine sets aside; None without adapters."""
    rule, asked = engine.adapters, asked_room(spec)
    if asked is None or rule is None:
        return None
    count, rank = asked
    return AdapterRoom(count + (1 if rule.base_slot else 0), rule.rank(rank))


def adapter_failure(spec: DeploymentSpec, engine: Engine, catalog: Catalog) -> PlanFailure | None:
    """Why the engine or the model cannot serve ``spec.model.adapters``; None where they can or need not."""
    if asked_room(spec) is None:
        return None
    names = ", ".join(adapter.name for adapter in spec.model.adapters) or "room"
    if engine.adapters is None:
        able = " or ".join(dict.fromkeys(other.name for other in catalog.engines.values() if other.adapters))
        message = f"{engine.name} serves no LoRA adapter under a name of its own. Leave them out, or take {able} "
        return _refused(f"spec.model.adapters ({names}): {message}(spec.engine.name) and a format that it runs")
    model = catalog.models.get(spec.model.name)
    if model and (problem := _model_problem(model)):
        return _refused(f"spec.model.adapters ({names}): {model.name} {problem}. Leave them out")
    return None


def _refused(message: str) -> PlanFailure:
    return PlanFailure(FailureReason.ENGINE_UNSUPPORTED, message)


def _model_problem(model: Model) -> str | None:
    if model.recurrent:
        return "has recurrent layers, for which the room of an adapter is not known"
    if model.vision_parameters:
        return "has an encoder for media, which engines treat each in its own way under an adapter"
    if not model.generates:
        return "writes no text, and adapters of such models are not served"
    return None
