"""LoRA adapters: the room that they take, and who cannot serve them."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_operator.sizing import FailureReason
from qwen3_operator.sizing.adapters import AdapterRoom
from tests.unit.inventory.objects import gpu_node, node
from tests.unit.sizing.given import CATALOG, failed, planned, spec

CLAIM = {"persistentVolumeClaim": {"claimName": "adapters"}}


def adapters(*ranks: int) -> list[dict[str, Any]]:
    return [{"name": f"a{index}", "rank": rank, "source": CLAIM} for index, rank in enumerate(ranks)]


def test_room_of_a_dense_model_by_hand() -> None:
    """Qwen3-8B: 36 layers, hidden 4096, 32 and 8 heads of 128, inner 12288; rank 16 in BF16."""
    model = CATALOG.models["Qwen3-8B"]
    whole = (3 * 4096 + 4096 + 2 * 1024) + (4096 + 4096) + (2 * 4096 + 2 * 12288) + (12288 + 4096)
    assert AdapterRoom(1, 16).bytes_on_device(model, 1) == 36 * 16 * 2 * whole
    half = (3 * 4096 + 2048 + 2 * 512) + (2048 + 4096) + (2 * 4096 + 2 * 6144) + (6144 + 4096)
    assert AdapterRoom(3, 16).bytes_on_device(model, 2) == 3 * 36 * 16 * 2 * half


def test_a_kv_head_is_there_on_each_device() -> None:
    """Qwen3-235B-A22B has 4 KV heads, and only its attention is changed."""
    model = CATALOG.models["Qwen3-235B-A22B"]
    part = (3 * 4096 + 1024 + 2 * 128) + (1024 + 4096)
    assert AdapterRoom(1, 8).bytes_on_device(model, 8) == 94 * 8 * 2 * part


def test_the_plan_counts_the_largest_rank_for_each_adapter_and_the_model_itself() -> None:
    model = {"adapters": adapters(8, 64)}
    bare, held = planned(spec("Qwen3-8B"), gpu_node("g")), planned(spec("Qwen3-8B", model=model), gpu_node("g"))
    before, after = bare.placements[0], held.placements[0]
    room = AdapterRoom(3, 64).bytes_on_device(CATALOG.models["Qwen3-8B"], after.tensor_parallel)
    assert after.memory.adapters == room
    assert after.kv_cache_tokens < before.kv_cache_tokens
    assert before.memory.weights == after.memory.weights
    parts = after.memory.model_dump(exclude={"total"})
    assert sum(parts.values()) == after.memory.total
    assert "LoRA adapters" in held.summary
    assert "LoRA adapters" not in bare.summary
    assert bare.spec_digest != held.spec_digest


def test_vllm_makes_room_for_the_next_rank_that_it_knows() -> None:
    """It has buffers for each adapter and none for the model without one."""
    asked = spec("Qwen3-8B", engine={"name": "vLLM"}, model={"adapters": adapters(20)})
    placed = planned(asked, gpu_node("g")).placements[0]
    assert placed.memory.adapters == AdapterRoom(1, 32).bytes_on_device(CATALOG.models["Qwen3-8B"], 1)


def test_on_a_cpu_node_the_engines_copy_counts_too() -> None:
    asked = spec("Qwen3-0.6B", engine={"name": "vLLM"}, model={"adapters": adapters(16)})
    placed = planned(asked, node("c", memory="64Gi")).placements[0]
    assert placed.memory.adapters == 2 * AdapterRoom(1, 16).bytes_on_device(CATALOG.models["Qwen3-0.6B"], 1)


def test_attention_groups_are_not_planned_with_adapters() -> None:
    """One in whose plan they come first without adapters."""
    load = {"workload": {"concurrency": 256}, "engine": {"kvCacheDataType": "FP8"}}
    nodes = tuple(gpu_node(name, "NVIDIA-H200") for name in "ghi")
    bare = planned(spec("Qwen3-235B-A22B", **load), *nodes)
    assert bare.placements[0].data_parallel > 1
    held = planned(spec("Qwen3-235B-A22B", **load, model={"adapters": adapters(16)}), *nodes)
    assert held.placements[0].data_parallel == 1


@pytest.mark.parametrize(
    ("name", "over", "words"),
    [
        ("Qwen3-8B", {"model": {"quantization": "GGUF-Q8_0"}}, "LlamaCpp serves no LoRA adapter"),
        ("Qwen3-8B", {"engine": {"name": "Transformers"}}, "take SGLang or vLLM (spec.engine.name)"),
        ("Qwen3-Next-80B-A3B-Instruct", {}, "Qwen3-Next-80B-A3B-Instruct has recurrent layers"),
        ("Qwen3-VL-8B-Instruct", {}, "has an encoder for media"),
        ("Qwen3-Embedding-8B", {}, "writes no text"),
    ],
)
def test_who_cannot_is_named(name: str, over: dict[str, Any], words: str) -> None:
    model = {**over.get("model", {}), "adapters": adapters(16)}
    failure = failed(spec(name, **{**over, "model": model}), gpu_node("g"))
    assert failure.reason is FailureReason.ENGINE_UNSUPPORTED
    assert failure.message.startswith("spec.model.adapters (a0): ")
    assert words in failure.message


def test_sglang_on_the_cpu_is_not_planned() -> None:
    failure = failed(spec("Qwen3-0.6B", model={"adapters": adapters(16)}), node("c", memory="64Gi"))
    assert failure.reason is FailureReason.NO_FIT
    assert "SGLang 0.5.23 serves LoRA adapters on cuda and npu devices only" in failure.message


def test_room_is_planned_before_there_are_adapters_and_the_list_makes_no_other_plan() -> None:
    room = {"adapterRoom": {"count": 3, "rank": 64}}
    empty = planned(spec("Qwen3-8B", model=room), gpu_node("g"))
    some = planned(spec("Qwen3-8B", model=room | {"adapters": adapters(8, 64)}), gpu_node("g"))
    assert empty.placements[0].memory.adapters == AdapterRoom(4, 64).bytes_on_device(CATALOG.models["Qwen3-8B"], 1)
    assert empty.spec_digest == some.spec_digest
    more = planned(spec("Qwen3-8B", model=room | {"adapters": adapters(8, 8, 8, 128)}), gpu_node("g"))
    assert more.placements[0].memory.adapters == AdapterRoom(5, 128).bytes_on_device(CATALOG.models["Qwen3-8B"], 1)


def test_room_where_the_engine_serves_no_adapters() -> None:
    refused = failed(
        spec("Qwen3-0.6B", engine={"name": "Transformers"}, model={"adapterRoom": {"count": 1}}), node("n")
    )
    assert refused.reason is FailureReason.ENGINE_UNSUPPORTED
