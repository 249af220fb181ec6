"""What spec.engine.name does to the plan."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_operator.sizing.needs import spec_digest
from tests.unit.inventory.objects import duo_node, gpu_node, node, npu_node
from tests.unit.sizing.given import failed, planned, spec

LAPTOP = "NVIDIA-GeForce-RTX-3050-Laptop-GPU"


def laptop(**more: Any) -> dict[str, Any]:
    return gpu_node("laptop", LAPTOP, 1, **more)


def gguf(context: int, **over: Any) -> Any:
    return spec("Qwen3-8B", model={"quantization": "GGUF-Q4_K_M", "contextLength": context}, **over)


@pytest.mark.parametrize(
    ("quantization", "engine"), [("BF16", "SGLang"), ("GGUF-Q8_0", "LlamaCpp"), ("GGUF-Q4_K_M", "LlamaCpp")]
)
def test_auto_goes_by_the_format(quantization: str, engine: str) -> None:
    (placement,) = planned(spec("Qwen3-8B", model={"quantization": quantization}), gpu_node("g")).placements
    assert placement.engine == engine
    assert placement.tensor_parallel == 1


def test_a_plan_made_before_engines_could_be_named_is_kept() -> None:
    assert spec_digest(spec()) == spec_digest(spec(engine={"name": "Auto"}))
    assert spec_digest(spec()) != spec_digest(spec(engine={"name": "SGLang"}))


def test_the_format_of_a_gguf_file_must_be_named() -> None:
    failure = failed(spec("Qwen3-8B", engine={"name": "LlamaCpp"}), gpu_node("g"))
    assert failure.reason == "UnsupportedQuantization"
    assert "name the format of the file, GGUF-Q8_0 or GGUF-Q4_K_M" in failure.message


@pytest.mark.parametrize(
    ("over", "cluster", "reason", "words"),
    [
        ({"engine": {"name": "MindIE"}}, gpu_node("g"), "EngineUnsupported", "MindIE does not run on Hopper"),
        ({"engine": {"name": "SGLang"}}, duo_node("d"), "EngineUnsupported", "SGLang supports only Atlas A2"),
        (
            {"engine": {"name": "Transformers"}},
            npu_node("n"),
            "EngineUnsupported",
            "Transformers 5.19.0 does not run on",
        ),
        (
            {"engine": {"kvCacheDataType": "FP8"}, "model": {"quantization": "GGUF-Q8_0"}},
            gpu_node("g"),
            "KVCacheUnsupported",
            "LlamaCpp has no FP8 KV cache",
        ),
        (
            {"engine": {"name": "Transformers"}, "workload": {"concurrency": 2}, "replicas": 1},
            gpu_node("g"),
            "MaxRunningRequests",
            "the engine runs 1",
        ),
    ],
)
def test_what_an_engine_does_not_do_has_a_reason(
    over: dict[str, Any], cluster: dict[str, Any], reason: str, words: str
) -> None:
    failure = failed(spec("Qwen3-8B", **over), cluster)
    found = [rejection.number for rejection in failure.rejected if rejection.reason == reason]
    assert any(words in number for number in found), failure.rejected


def test_parallelism_beyond_the_engine_is_rejected_by_name() -> None:
    plan = planned(spec("Qwen3-30B-A3B", engine={"name": "vLLM"}), gpu_node("g"))
    assert plan.rejected_counts["ParallelismUnsupported"]
    assert plan.placements[0].expert_parallel in {1, plan.placements[0].tensor_parallel}
    assert all(placement.data_parallel == 1 for placement in plan.placements)


def test_vllm_leaves_what_its_profile_run_takes() -> None:
    (placement,) = planned(spec("Qwen3-8B", engine={"name": "vLLM"}), gpu_node("g")).placements
    memory = placement.memory
    assert memory.total - memory.overhead - memory.activations == memory.weights + memory.kv_cache + memory.free
    share = 0.92 * (memory.total - memory.overhead)
    assert memory.weights + memory.kv_cache + memory.free == pytest.approx(share - 6.8e9, rel=1e-3)
    assert placement.kv_cache_tokens % 16 == 0


def test_layers_that_do_not_fit_lie_with_the_host() -> None:
    short, long = (planned(gguf(context), laptop()).placements[0] for context in (4096, 16_384))
    assert short.offload
    assert long.offload
    assert 0 < long.offload.device_layers < short.offload.device_layers < short.offload.layers == 37
    # 5.0 GB of weights and the cache of one request, less what the device holds of them.
    for placement, context in ((short, 4096), (long, 16_384)):
        assert placement.offload
        held = placement.memory.weights + placement.memory.kv_cache + placement.offload.host_memory
        assert held == pytest.approx(5.03e9 + context * 147_456, rel=0.01)
        requested = int(placement.memory_request.removesuffix("Mi")) << 20
        assert requested == pytest.approx(placement.offload.host_memory + (2048 << 20), abs=1 << 20)
    assert short.predicted
    assert short.predicted.source == "calculated"


def test_llama_cpp_gives_each_request_the_whole_context() -> None:
    lengths = {"inputTokens": {"p95": 500}, "outputTokens": {"p95": 500}}
    (placement,) = planned(gguf(8192, workload=lengths), gpu_node("g")).placements
    assert placement.max_concurrency == placement.kv_cache_tokens // 8192


def test_a_host_without_the_memory_is_no_help() -> None:
    failure = failed(gguf(16_384), laptop(memory="3Gi"))
    assert "GB are free on one" in failure.message


def test_requests_in_flight_move_layers_to_the_host_only_where_asked() -> None:
    many = planned(gguf(4096, replicas=1, workload={"concurrency": 4}), laptop()).placements[0]
    one = planned(gguf(4096, replicas=1), laptop()).placements[0]
    assert many.offload
    assert one.offload
    assert many.offload.device_layers < one.offload.device_layers
    assert many.max_concurrency == 4
    assert many.predicted
    assert one.predicted
    assert float(many.predicted.time_per_output_token.removesuffix("ms")) > 4 * float(
        one.predicted.time_per_output_token.removesuffix("ms")
    )


def test_a_cpu_node_is_taken_where_it_is_named() -> None:
    (placement,) = planned(gguf(4096, hardware={"accelerators": ["CPU"]}), node("c"), gpu_node("g")).placements
    assert (placement.engine, placement.accelerator, placement.offload) == ("LlamaCpp", "CPU", None)
    assert placement.memory.weights == pytest.approx(5.03e9, rel=0.01)
