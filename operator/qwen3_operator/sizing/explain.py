"""The plan in words and numbers, for status, condition, webhook and command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.performance.predict import PREDICTED_DEVICES
from qwen3_operator.sizing.text import counted, gigabytes, thousands
from qwen3_runtime.config import Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.api.status import Placement
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.rating import Rated


def hardware(placement: Placement) -> str:
    """``2 x H100-SXM (pool h100-80gb-hbm3)``, ``16 x H100-SXM on 2 nodes (pool h100-80gb-hbm3)``."""
    devices = f"{placement.devices_per_replica} x " if placement.resource_name else ""
    return f"{devices}{placement.accelerator}{over_nodes(placement.nodes)} (pool {placement.pool})"


def over_nodes(nodes: int) -> str:
    """`` on 2 nodes``; nothing for one."""
    return f" on {counted(nodes, 'node')}" if nodes > 1 else ""


def parallelism(placement: Placement) -> str:
    """``, TP 8, EP 2``; nothing on CPU pools."""
    if not placement.resource_name:
        return ""
    parts = [f"TP {placement.tensor_parallel}"]
    parts += [f"EP {placement.expert_parallel}"] if placement.expert_parallel > 1 else []
    parts += [f"DP {placement.data_parallel}"] if placement.data_parallel > 1 else []
    return "".join(f", {part}" for part in parts)


def unjudged(accelerator: str, asked: str = "spec.slo") -> str:
    """What is to be said of a plan on hardware without a speed: memory suffices, ``asked`` is not judged."""
    return f"{asked} is not judged: no speed is known for {accelerator}"


def unknown_speed(placement: Placement) -> str:
    """Why nothing is known of the speed of a plan, which was asked for no speed."""
    where = placement.accelerator + over_nodes(placement.nodes)
    if placement.nodes > 1:
        why = "nothing was measured over nodes"
    elif placement.device in PREDICTED_DEVICES:
        why = "its row in the catalog needs memoryBandwidthGBps and tflops"
    else:
        why = "nothing was measured there"
    return f"speed: unknown for {where}: {why}"


def summary(wanted: Wanted, model: str, placements: Sequence[Placement], ratings: Sequence[Rated]) -> str:
    """The plan in one line per placement."""
    return "; ".join(_line(wanted, model, *pair) for pair in zip(placements, ratings, strict=True))


def _line(wanted: Wanted, model: str, placement: Placement, rating: Rated) -> str:
    memory = placement.memory
    holder = "per device" if placement.resource_name else "of the pod"
    offer = rating.offer
    each = offer.context_length if wanted.engine.whole_context else offer.request_tokens
    requests = f"{counted(placement.max_concurrency, 'request')} of {each}"
    adapters = f" + {gigabytes(memory.adapters)} LoRA adapters" if memory.adapters else ""
    state = f" + {gigabytes(memory.state)} recurrent state" if memory.state else ""
    return (
        f"{model} {placement.quantization} on {hardware(placement)}{parallelism(placement)}{_engine(placement)}: "
        f"{gigabytes(memory.weights)} weights{adapters} + {gigabytes(memory.kv_cache)} KV cache "
        f"({thousands(placement.kv_cache_tokens)} tokens, {requests}){state} + "
        f"{gigabytes(memory.activations + memory.overhead)} reserve of {gigabytes(memory.total)} {holder}"
        f"{_speed(wanted, placement, rating)}{_unverified(wanted)}"
    )


def _unverified(wanted: Wanted) -> str:
    return f"; {wanted.engine.unverified}" if wanted.engine.unverified else ""


def _engine(placement: Placement) -> str:
    """``, vLLM``; nothing for SGLang. ``, LlamaCpp, 20 of 37 layers on the device``."""
    if placement.engine == Engine.SGLANG:
        return ""
    split = placement.offload
    layers = f", {split.device_layers} of {split.layers} layers on the device" if split else ""
    return f", {placement.engine}{layers}"


def _speed(wanted: Wanted, placement: Placement, rating: Rated) -> str:
    predicted = placement.predicted
    if predicted is None:
        asked = "spec.slo" if wanted.targets.asked else "spec.workload.requestsPerSecond"
        where = placement.accelerator + over_nodes(placement.nodes)
        return f"; {unjudged(where, asked)}" if rating.doubtful else ""
    known = f"({predicted.source}{', assumed lengths' if wanted.traffic.assumed else ''})"
    load, first = f"at {counted(predicted.concurrency, 'request')} in flight", predicted.time_to_first_token
    if not rating.offer.model.generates:
        return f"; {load} a request takes {first}, {predicted.input_tokens_per_second} input tokens per second {known}"
    return f"; {load} first token after {first}, {predicted.time_per_output_token} per token {known}"
