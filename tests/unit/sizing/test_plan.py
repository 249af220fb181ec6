from __future__ import annotations

import re

import pytest

from qwen3_operator.api.intent import Tokens
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import PlanFailure, evaluate, plan, spec_digest, with_replicas
from tests.unit.inventory.objects import a3_node, duo_node, gpu_node, node, npu_node, pod
from tests.unit.sizing.given import CATALOG, LIBRARY, PRICED, planned, spec

GIB = 1 << 30


@pytest.mark.parametrize(
    ("model", "quantization", "made", "size", "experts"),
    [
        # 65.5 GB of weights leave an 80 GB H100 room for 20k tokens: less than one request of 32768.
        ("Qwen3-32B", "BF16", gpu_node("n", memory_mib=81_559), 2, 1),
        ("Qwen3-32B", "FP8", gpu_node("n"), 1, 1),
        ("Qwen3-32B", "BF16", gpu_node("n", "NVIDIA-H200"), 1, 1),
        ("Qwen3-8B", "BF16", gpu_node("n"), 1, 1),
        ("Qwen3-235B-A22B", "BF16", gpu_node("n"), 8, 1),
        # TP 8 breaks the 128-blocks of FP8 (1536 / 8); TP 4 holds it. The official benchmark takes 4 GPUs of 96 GB.
        ("Qwen3-235B-A22B", "FP8", gpu_node("n"), 4, 1),
        ("Qwen3-235B-A22B", "FP8", gpu_node("n", "NVIDIA-H20"), 4, 1),
        # 48 GB: four devices do not hold it, and TP 8 works only with the experts spread.
        ("Qwen3-235B-A22B", "FP8", gpu_node("n", "NVIDIA-L40S"), 8, 2),
        # SGLang's Ascend tutorials, minimum on devices of 64 GB.
        ("Qwen3-8B", "BF16", npu_node("n"), 1, 1),
        ("Qwen3-32B", "BF16", npu_node("n"), 2, 1),
        ("Qwen3-32B", "W8A8", npu_node("n"), 1, 1),
        ("Qwen3-30B-A3B", "W8A8", npu_node("n"), 1, 1),
        ("Qwen3-235B-A22B", "W8A8", npu_node("n"), 8, 1),
        ("Qwen3-235B-A22B", "BF16", a3_node("n"), 16, 1),
        ("Qwen3-32B", "BF16", a3_node("n"), 2, 1),
        # The tutorial says one; 61 GB of weights in 64 GiB leave nothing for the reserve.
        ("Qwen3-30B-A3B", "BF16", npu_node("n"), 2, 1),
        # One die would do; a card has two.
        ("Qwen3-8B", "BF16", a3_node("n"), 2, 1),
        ("Qwen3-14B", "AWQ-INT4", gpu_node("n", "NVIDIA-L4"), 1, 1),
        ("Qwen3-14B", "BF16", gpu_node("n", "NVIDIA-L4"), 4, 1),
    ],
)
def test_devices_per_replica(model: str, quantization: str, made: dict[str, object], size: int, experts: int) -> None:
    answer = planned(spec(model, model={"quantization": quantization}), made)
    (placement,) = answer.placements
    assert placement.tensor_parallel == placement.devices_per_replica == size
    assert placement.expert_parallel == experts


def test_h100_in_numbers() -> None:
    (placement,) = planned(spec(workload={"concurrency": 8}), gpu_node("n", memory_mib=81_559)).placements
    memory = placement.memory
    assert memory.total == 81_559 << 20
    assert memory.weights == pytest.approx(65.54e9 / 2, rel=0.001)
    # mem_fraction_static of sglang 0.5.23: 512 + 1.5 * 8192 + 2 / 8 * 1024 + 2 * 256 + 8 * 58 MiB reserved.
    reserved = 512 + 12_288 + 256 + 512 + 464
    fraction = round((81_559 - reserved) / 81_559, 3)
    static = (memory.total - memory.overhead) * fraction
    per_token = 4 * 2 * 128 * 64 * 2
    assert placement.kv_cache_tokens == int(static - memory.weights) // per_token
    assert memory.kv_cache == placement.kv_cache_tokens * per_token
    assert placement.max_concurrency == placement.kv_cache_tokens // 32_768 == 8
    parts = memory.weights + memory.kv_cache + memory.activations + memory.overhead + memory.free
    assert parts == memory.total
    assert memory.free < per_token
    assert placement.resource_name == "nvidia.com/gpu"
    assert placement.node_selector == {
        "kubernetes.io/arch": "amd64",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    }


def test_summary_reads_as_a_sentence() -> None:
    memory, speed = planned(spec(), gpu_node("n", memory_mib=81_559)).summary.split("per device; ")
    assert f"{memory}per device; " == (
        "Qwen3-32B BF16 on 2 x H100-SXM (pool h100-80gb-hbm3), TP 2: 32.8 GB weights + 37.2 GB KV cache (283k tokens, "
        "8 requests of 32768) + 15.5 GB reserve of 85.5 GB per device; "
    )
    assert re.fullmatch(
        r"at 1 request in flight first token after [0-9.]+ms, [0-9.]+ms per token \(measured, assumed lengths\)", speed
    )


def test_targets_without_a_speed_are_not_judged() -> None:
    judged = "; spec.slo is not judged: no speed is known for Ascend-910B3"
    assert planned(spec(slo={"timeToFirstToken": "1s"}), npu_node("n")).summary.endswith(judged)
    assert "judged" not in planned(spec(), npu_node("n")).summary


def test_a_model_that_embeds_reads_and_does_not_write() -> None:
    load = {"concurrency": 16, "inputTokens": {"p50": 500, "p95": 2000}}
    asked = spec("Qwen3-Embedding-8B", workload=load, slo={"timeToFirstToken": "2s", "timePerOutputToken": "1ms"})
    (place,) = planned(asked, gpu_node("n", count=1)).placements
    predicted = place.predicted
    assert predicted is not None
    assert (predicted.time_per_output_token, predicted.tokens_per_second) == ("", None)
    assert place.max_concurrency == place.kv_cache_tokens // 2000, "prompts alone lie in the KV cache"
    seconds = float(predicted.time_to_first_token[:-2]) / 1000
    mean = Tokens.model_validate(load["inputTokens"]).mean
    assert predicted.input_tokens_per_second == pytest.approx(16 * mean / seconds, rel=0.01)
    with_answers = asked.model_copy(
        update={"workload": asked.workload.model_copy(update={"output_tokens": Tokens(p95=9000)})}
    )
    assert planned(with_answers, gpu_node("n", count=1)).placements == (place,)
    text = planned(asked, gpu_node("n", count=1)).summary
    words = r"; at 16 requests in flight a request takes [0-9.]+ms, \d+ input tokens per second \(calculated\)"
    assert re.search(words, text)


def test_ascend_pages_hold_128_tokens() -> None:
    (placement,) = planned(spec(), npu_node("n")).placements
    assert placement.kv_cache_tokens % 128 == 0
    assert placement.device == "npu"
    assert placement.resource_name == "huawei.com/Ascend910"


def test_the_resource_is_the_one_the_node_offers() -> None:
    hami = node("n", labels={"ascend": "on"}, devices={"huawei.com/Ascend910B3": "8"})
    assert planned(spec(), hami).placements[0].resource_name == "huawei.com/Ascend910B3"


def test_a_claim_with_auto_holds_bf16() -> None:
    assert planned(spec(), gpu_node("n")).placements[0].quantization == "BF16"


def test_more_requests_take_more_devices() -> None:
    sizes = [
        planned(spec(replicas=1, workload={"concurrency": count}), gpu_node("n")).placements[0].tensor_parallel
        for count in (1, 8, 16, 40)
    ]
    assert sizes == [2, 2, 4, 8]
    # Where the plan may choose how many replicas, several small ones carry as much on as many devices.
    answer = planned(spec(workload={"concurrency": 16}), gpu_node("n"))
    assert [(p.tensor_parallel, p.replicas) for p in answer.placements] == [(2, 2)]


def test_short_requests_take_fewer() -> None:
    short = {"inputTokens": {"p95": 3000}, "outputTokens": {"p95": 1000}, "concurrency": 4}
    (placement,) = planned(spec(workload=short), gpu_node("n")).placements
    assert placement.tensor_parallel == 1
    assert placement.max_concurrency >= 4


def test_nvidia_comes_before_ascend_and_small_devices_before_large() -> None:
    assert planned(spec("Qwen3-8B"), npu_node("a"), gpu_node("b")).placements[0].pool == "h100-80gb-hbm3"
    nodes = (gpu_node("a", "NVIDIA-H200"), gpu_node("b", "NVIDIA-L40S"), gpu_node("c"))
    assert planned(spec("Qwen3-8B"), *nodes).placements[0].pool == "l40s"
    # Fewer devices weigh more than smaller ones.
    assert planned(spec("Qwen3-32B"), *nodes).placements[0].pool == "h200"


def test_replicas_go_to_one_pool_where_one_has_the_room() -> None:
    nodes = (gpu_node("a", "NVIDIA-H200", count=2), gpu_node("b", count=8))
    assert [(p.pool, p.replicas) for p in planned(spec(replicas=2), *nodes).placements] == [("h200", 2)]
    assert [(p.pool, p.replicas) for p in planned(spec(replicas=3), *nodes).placements] == [("h100-80gb-hbm3", 3)]


def test_replicas_spread_over_pools_where_none_has_the_room() -> None:
    placements = planned(spec(replicas=6), gpu_node("g"), npu_node("n")).placements
    assert [(p.pool, p.replicas, p.surge) for p in placements] == [
        ("h100-80gb-hbm3", 4, False),
        ("ascend-910b3", 2, True),
    ]


def test_surge_needs_room_for_one_more() -> None:
    assert planned(spec(replicas=3), gpu_node("g")).placements[0].surge
    assert not planned(spec(replicas=4), gpu_node("g")).placements[0].surge
    assert not planned(spec(replicas=0), gpu_node("g", count=2)).placements[0].surge


def test_devices_in_use_are_not_planned() -> None:
    # One device of g is free, which no replica of two can use; h holds four.
    taken = pod("g", {"nvidia.com/gpu": "7"})
    nodes = (gpu_node("g"), gpu_node("h"))
    (placement,) = planned(spec(replicas=4), *nodes, pods=(taken,)).placements
    assert (placement.replicas, placement.surge) == (4, False)
    (placement,) = planned(spec(replicas=4), *nodes).placements
    assert (placement.replicas, placement.surge) == (4, True)


def test_nothing_running_is_planned_too() -> None:
    (placement,) = planned(spec(replicas=0), gpu_node("g")).placements
    assert placement.replicas == 0


def test_cpu_for_small_models_without_an_accelerator() -> None:
    (placement,) = planned(spec("Qwen3-Tiny"), node("n", memory="8Gi", cpu="2")).placements
    assert placement.device == "cpu"
    assert placement.resource_name == ""
    assert placement.cpu_request == "500m"
    assert placement.memory_request == f"{placement.memory.total >> 20}Mi"
    assert 3.0e9 < placement.memory.total < 3.2e9
    assert placement.kv_cache_tokens == 40_960
    assert {r.key for r in placement.node_requirements} >= {"nvidia.com/gpu.product", "serving.qwen3.io/pool"}


def test_cpu_holds_at_least_8192_tokens() -> None:
    short = {"inputTokens": {"p95": 100}, "outputTokens": {"p95": 28}}
    (placement,) = planned(spec("Qwen3-Tiny", workload=short), node("n")).placements
    assert placement.kv_cache_tokens == 8192
    assert placement.max_concurrency == 64


def test_accelerators_are_preferred_to_cpu_unless_asked() -> None:
    nodes = (gpu_node("g"), node("c"))
    answer = planned(spec("Qwen3-0.6B"), *nodes)
    assert answer.placements[0].device == "cuda"
    assert "AcceleratorPreferred" in answer.rejected_counts
    assert planned(spec("Qwen3-0.6B", hardware={"accelerators": ["CPU"]}), *nodes).placements[0].device == "cpu"
    assert planned(spec("Qwen3-0.6B", hardware={"pools": ["cpu-amd64"]}), *nodes).placements[0].device == "cpu"
    # Nothing of what is there runs under the engine but the CPU.
    assert planned(spec("Qwen3-0.6B"), duo_node("d"), node("c")).placements[0].device == "cpu"


def test_large_models_run_on_cpu_where_asked() -> None:
    asked = spec("Qwen3-8B", hardware={"accelerators": ["CPU"]})
    assert planned(asked, node("c", memory="64Gi")).placements[0].memory.total > 16 * GIB


def test_rejections_say_why() -> None:
    answer = planned(
        spec(model={"quantization": "FP8"}), gpu_node("h"), gpu_node("a", "NVIDIA-A100-SXM4-80GB"), npu_node("n")
    )
    reasons = {(r.candidate, r.reason, r.number) for r in answer.rejected}
    assert ("pool h100-80gb-hbm3, FP8, TP 2", "MoreDevices", "2 devices per replica instead of 1") in reasons
    quantization = "QuantizationUnsupported"
    assert ("pool ascend-910b3, FP8, TP 1", quantization, "FP8 runs on cuda devices only") in reasons
    assert ("pool a100-sxm4-80gb, FP8, TP 1", quantization, "FP8 needs compute capability 8.9, has 8.0") in reasons
    assert sum(answer.rejected_counts.values()) == len(answer.rejected) == 5


def test_at_most_16_rejections_are_listed_and_all_are_counted() -> None:
    products = ["NVIDIA-H200", "NVIDIA-L4", "NVIDIA-L40S", "NVIDIA-H20", "NVIDIA-A30"]
    answer = planned(spec("Qwen3-30B-A3B"), *(gpu_node(name, name) for name in products))
    assert len(answer.rejected) == 16
    # Per pool of eight devices: TP 1, 2, 4, 8, each by as many EP and DP as divide it.
    assert sum(answer.rejected_counts.values()) == 5 * (1 + 4 + 9 + 16) - 1


def test_scaling_keeps_pool_and_shape() -> None:
    nodes = [gpu_node("a", "NVIDIA-H200", count=2), gpu_node("b", count=8)]
    before = planned(spec(replicas=3), *nodes)
    after = with_replicas(before, 2, inventory(nodes, [], CATALOG))
    assert [(p.pool, p.replicas, p.surge) for p in after.placements] == [("h100-80gb-hbm3", 2, True)]
    # No room for nine: the pods will wait, the plan does not move.
    assert with_replicas(before, 9, inventory(nodes, [], CATALOG)).placements[0].replicas == 9
    spread = planned(spec(replicas=6), gpu_node("g"), npu_node("n"))
    found = inventory([gpu_node("g"), npu_node("n")], [], CATALOG)
    assert [p.replicas for p in with_replicas(spread, 5, found).placements] == [4, 1]
    assert [p.replicas for p in with_replicas(spread, 0, found).placements] == [0, 0]
    assert with_replicas(spread, 6, found) == spread


def test_scaling_changes_the_cost() -> None:
    found = inventory([gpu_node("g")], [], CATALOG, pools=[PRICED])
    before = plan(spec(replicas=2), found, CATALOG)
    assert isinstance(before, PlanStatus)
    assert (before.cost_per_hour, before.placements[0].cost_per_hour) == ("10.00", "10.00")
    assert with_replicas(before, 3, found).cost_per_hour == "15.00"
    assert with_replicas(before, 0, found).cost_per_hour == "0"
    assert with_replicas(before, 3, inventory([gpu_node("g")], [], CATALOG)).cost_per_hour == ""


def test_a_rate_takes_the_replicas_that_carry_it() -> None:
    lengths = {"inputTokens": {"p50": 1500, "p95": 3000}, "outputTokens": {"p50": 500, "p95": 1000}}
    counts = []
    for rate in ("0.5", "5", "10", "20"):
        answer = planned(
            spec("Qwen3-8B", workload={"requestsPerSecond": rate, **lengths}, slo={"timeToFirstToken": "1s"}),
            *(gpu_node(f"g{number}") for number in range(4)),
        )
        (placement,) = answer.placements
        assert placement.predicted is not None
        assert placement.predicted.concurrency <= placement.predicted.max_concurrency
        counts.append(placement.replicas * placement.devices_per_replica)
    assert counts == sorted(counts)
    assert counts[0] == 1 < counts[-1]


def test_a_rate_needs_a_known_speed() -> None:
    lengths = {"inputTokens": {"p95": 3000}, "outputTokens": {"p95": 1000}}
    asked = spec(workload={"requestsPerSecond": "5", **lengths})
    answer = plan(asked, inventory([npu_node("n")], [], CATALOG), CATALOG)
    assert isinstance(answer, PlanFailure)
    assert "SpeedUnknown" in answer.rejected_counts
    # With the number of replicas given, memory can still be sized.
    fixed = planned(spec(replicas=2, workload={"requestsPerSecond": "5", **lengths}), npu_node("n"))
    assert "spec.workload.requestsPerSecond is not judged" in fixed.summary


def test_too_high_a_rate_for_the_replicas_asked_for() -> None:
    lengths = {"inputTokens": {"p95": 3000}, "outputTokens": {"p95": 1000}}
    answer = plan(
        spec(replicas=1, workload={"requestsPerSecond": "500", **lengths}),
        inventory([gpu_node("g")], [], CATALOG),
        CATALOG,
    )
    assert isinstance(answer, PlanFailure)
    assert "LoadTooHigh" in answer.rejected_counts


def test_an_fp8_cache_holds_twice_as_much() -> None:
    (half,) = planned(spec(replicas=1), gpu_node("g")).placements
    (whole,) = planned(spec(replicas=1, engine={"kvCacheDataType": "FP8"}), gpu_node("g")).placements
    assert (half.kv_cache_data_type, whole.kv_cache_data_type) == ("BF16", "FP8")
    per_token = [p.memory.kv_cache * p.devices_per_replica / p.kv_cache_tokens for p in (half, whole)]
    assert per_token == [262_144, 131_072]
    refused = plan(
        spec(engine={"kvCacheDataType": "FP8"}), inventory([gpu_node("a", "NVIDIA-A30"), npu_node("n")], [], CATALOG),
        CATALOG,
    )  # fmt: skip
    assert isinstance(refused, PlanFailure)
    assert refused.rejected_counts == {"KVCacheUnsupported": 2}


def test_latency_takes_more_devices() -> None:
    cheap = planned(spec(replicas=1), gpu_node("g")).placements[0]
    fast = planned(spec(replicas=1, optimizeFor="Latency"), gpu_node("g")).placements[0]
    assert fast.devices_per_replica > cheap.devices_per_replica
    assert fast.predicted is not None
    assert cheap.predicted is not None
    assert float(fast.predicted.time_per_output_token[:-2]) < float(cheap.predicted.time_per_output_token[:-2])


def test_attention_groups_hold_their_own_cache() -> None:
    """Four KV heads on eight devices: two groups of four hold nearly twice the tokens of one of eight."""
    cluster = inventory([gpu_node("g")], [], CATALOG)
    found = evaluate(spec("Qwen3-235B-A22B", model={"quantization": "FP8"}), cluster, CATALOG)
    tokens = {
        (judged.shape.expert_parallel, judged.shape.data_parallel): judged.fit.tokens
        for judged in found.candidates
        if judged.shape.tensor_parallel == 8 and judged.fit is not None
    }
    assert 1.6 < tokens[8, 2] / tokens[8, 1] < 2


def test_digest_ignores_what_planning_does() -> None:
    base = spec_digest(spec())
    assert spec_digest(spec(replicas=7)) == base
    assert spec_digest(spec(engine={"image": "x"}, thinking={"default": "Disabled"})) == base
    assert spec_digest(spec(model={"servedName": "x"})) == base
    library = {"persistentVolumeClaim": {"path": "{model}/{quantization}"}}
    for changed in (
        spec(slo={"timeToFirstToken": "1s"}), spec(optimizeFor="Latency"), spec(model={"source": library}),
        spec(engine={"kvCacheDataType": "FP8"}), spec(hardware={"maxCostPerHour": "1"}),
        spec("Qwen3-8B"), spec(model={"quantization": "FP8"}), spec(model={"contextLength": 8192}),
        spec(workload={"concurrency": 2}), spec(hardware={"pools": ["x"]}),
    ):  # fmt: skip
        assert spec_digest(changed) != base


def test_plan_is_pure() -> None:
    found = inventory([gpu_node("g"), node("c")], [], CATALOG)
    assert plan(spec(), found, CATALOG) == plan(spec(), found, CATALOG)


def test_models_are_compared_with_one_context_whether_it_is_said_or_not() -> None:
    def best(context: int | None, name: str, count: int) -> tuple[str, int]:
        model = {"source": LIBRARY} | ({"contextLength": context} if context else {})
        found = planned(spec("Auto", model=model, optimizeFor="Quality"), gpu_node("g", name, count=count))
        return found.model, found.context_length

    for name, count in (("NVIDIA-L40S", 1), ("NVIDIA-GeForce-RTX-4090", 2)):
        assert best(None, name, count) == best(32768, name, count)


@pytest.mark.parametrize("context", [512, 1024, 32768])
def test_lengths_that_nobody_said_have_no_tail(context: int) -> None:
    (place,) = planned(spec(model={"contextLength": context}), gpu_node("g")).placements
    assert place.predicted is not None
    assert place.predicted.time_to_first_token_percentile == place.predicted.time_to_first_token


def test_a_long_prompt_comes_later_also_where_the_host_computes() -> None:
    def times(p50: int) -> tuple[str, str]:
        lengths = {"inputTokens": {"p50": p50, "p95": 4000}, "outputTokens": {"p95": 500}}
        model = {"quantization": "GGUF-Q4_K_M", "contextLength": 8192}
        asked = spec("Qwen3-8B", model=model, workload=lengths)
        (place,) = planned(asked, gpu_node("g", "NVIDIA-GeForce-RTX-3050-Laptop-GPU", count=1)).placements
        assert place.offload is not None
        assert place.predicted is not None
        return place.predicted.time_to_first_token, place.predicted.time_to_first_token_percentile

    assert len(set(times(4000))) == 1, "all prompts are of one length"
    mean, late = (float(text.removesuffix("ms").removesuffix("s")) for text in times(500))
    assert late > 2 * mean
