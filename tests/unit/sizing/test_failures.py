from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import PlanFailure, plan
from tests.unit.inventory.objects import CONTROL_PLANE_TAINT, duo_node, gpu_node, node, npu_node, pod
from tests.unit.sizing.given import CATALOG, LIBRARY, PRICED, failed, planned, spec

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec


@pytest.mark.parametrize(
    ("over", "reason", "words"),
    [
        ({"model": {"name": "Qwen3-23B"}}, "UnknownModel", ["spec.model.name", "'Qwen3-23B'", "Qwen3-32B"]),
        ({"model": {"name": "qwen3-32b"}}, "UnknownModel", ["did you mean Qwen3-32B"]),
        ({"model": {"name": "Qwen3-VL-9B"}}, "UnknownModel", ["did you mean Qwen3-VL-"]),
        ({"model": {"name": "Qwen3-Huge"}}, "UnknownModel", ["are known, such as"]),
        (
            {"model": {"name": "Llama"}},
            "UnknownModel",
            ["are known, such as Qwen3-", "kubectl qwen3 models lists them"],
        ),
        ({"model": {"name": "Qwen3-32b-instruct"}}, "UnknownModel", ["did you mean Qwen3-32B?"]),
        (
            {"model": {"name": "Qwen3-0.6B", "quantization": "AWQ-INT4"}},
            "UnsupportedQuantization",
            ["spec.model.quantization", "AWQ-INT4", "it has BF16, FP8, GPTQ-INT8"],
        ),
        (
            {"model": {"contextLength": 200_000}},
            "ContextTooLong",
            ["spec.model.contextLength 200000", "at most 131072", "32768 without YaRN"],
        ),
        ({"model": {"name": "Qwen3-0.6B", "contextLength": 65_536}}, "ContextTooLong", ["at most 40960"]),
        (
            {"workload": {"inputTokens": {"p95": 40_000}, "outputTokens": {"p95": 9000}}},
            "ContextTooLong",
            ["49000", "32768", "set spec.model.contextLength", "131072"],
        ),
        ({"hardware": {"pools": ["h100"]}}, "UnknownPool", ["spec.hardware.pools 'h100'", "h100-80gb-hbm3"]),
        ({"hardware": {"accelerators": ["H100"]}}, "UnknownAccelerator", ["spec.hardware.accelerators", "H100-SXM"]),
    ],
)
def test_mistakes_name_field_value_and_remedy(over: dict[str, Any], reason: str, words: list[str]) -> None:
    answer = failed(spec(**over), gpu_node("g"))
    assert answer.reason == reason
    for word in words:
        assert word in answer.message


def test_a_pool_of_cordoned_nodes_is_known() -> None:
    answer = failed(spec(hardware={"pools": ["h100-80gb-hbm3"]}), gpu_node("g", cordoned=True), node("c"))
    assert answer.reason == "NoFit"
    assert "1 node not usable: g (Cordoned)" in answer.message


def test_no_nodes() -> None:
    answer = failed(spec(), node("c", taints=(CONTROL_PLANE_TAINT,)))
    assert answer.reason == "NoNodes"
    assert answer.message == "No node is usable. 1 node not usable: c (Tainted)."


def test_no_fit_says_needed_free_and_nearest() -> None:
    answer = failed(spec(replicas=5), gpu_node("g"), pods=(pod("g", {"nvidia.com/gpu": "2"}),))
    assert answer.reason == "NoFit"
    assert "takes 2 x H100-SXM (pool h100-80gb-hbm3) per replica" in answer.message
    assert "5 replicas wanted, room for 3: 6 of 8 devices are free there" in answer.message
    assert "Nearest that would fit: spec.replicas: 3" in answer.message
    assert answer.rejected_counts["NoRoom"] == 3
    assert answer.rejected[0].number == "5 replicas wanted, room for 3"


def test_replicas_that_the_load_takes_are_not_called_wanted() -> None:
    lengths = {"inputTokens": {"p95": 3000}, "outputTokens": {"p95": 1000}}
    answer = failed(spec(workload={"concurrency": 500, **lengths}), gpu_node("g", count=2))
    found = re.search(r"per replica; the load takes (\d+) replicas, room for 1: 2 of 2 devices", answer.message)
    assert found is not None, answer.message
    assert answer.rejected[0].number == f"the load takes {found[1]} replicas, room for 1"


def test_fewer_replicas_that_cannot_carry_the_load_are_advised_with_less_load() -> None:
    load = {"concurrency": 140, "inputTokens": {"p95": 4000}, "outputTokens": {"p95": 1000}}
    asked = {"replicas": 2, "model": {"name": "Qwen3-8B"}, "workload": load}
    answer = failed(spec(**asked), gpu_node("g", count=1))
    found = re.search(r"spec\.replicas: 1 and spec\.workload\.concurrency: (\d+), on", answer.message)
    assert found is not None, answer.message
    fewer = {"replicas": 1, "workload": load | {"concurrency": int(found[1])}}
    assert planned(spec(**(asked | fewer)), gpu_node("g", count=1)).placements[0].replicas == 1


def test_a_budget_is_told_in_money() -> None:
    found = inventory([gpu_node("g")], [], CATALOG, pools=[PRICED])
    answer = plan(spec(hardware={"maxCostPerHour": "4"}), found, CATALOG)
    assert isinstance(answer, PlanFailure)
    assert answer.message == (
        "Qwen3-32B BF16 on 2 x H100-SXM (pool h100-80gb-hbm3): 5.00 per hour for 2 devices, budget 4.00. Nearest that "
        'would fit: spec.hardware.maxCostPerHour: "5.00", on 2 x H100-SXM (pool h100-80gb-hbm3).'
    )
    unpriced = failed(spec(hardware={"maxCostPerHour": "4"}), gpu_node("g"))
    assert "the pool has no price, spec.hardware.maxCostPerHour is set" in unpriced.message


def test_targets_are_made_longer_until_something_meets_them() -> None:
    lengths = {"inputTokens": {"p95": 3000}, "outputTokens": {"p95": 1000}}
    answer = failed(spec(workload={"concurrency": 8, **lengths}, slo={"timeToFirstToken": "20ms"}), gpu_node("g"))
    assert "nearest is 8 x H100-SXM (pool h100-80gb-hbm3): first token after" in answer.message
    assert "spec.slo allows 20.0ms" in answer.message
    proposed = re.search(r"Nearest that would fit: spec.slo.timeToFirstToken: (\d+(?:\.\d+)?ms), on", answer.message)
    assert proposed is not None, answer.message
    met = planned(spec(workload={"concurrency": 8, **lengths}, slo={"timeToFirstToken": proposed[1]}), gpu_node("g"))
    assert met.placements[0].accelerator == "H100-SXM"


@pytest.mark.parametrize(
    "slo", [{"timeToFirstToken": "40ms", "timePerOutputToken": "50ms"}, {"timeToFirstToken": "2s"}]
)
@pytest.mark.parametrize("each", ["3ms", "50ms"])
def test_no_target_is_made_longer_than_it_takes(slo: dict[str, str], each: str) -> None:
    def asked(targets: dict[str, str]) -> DeploymentSpec:
        load = {"concurrency": 64, "inputTokens": {"p50": 1000, "p95": 4000}, "outputTokens": {"p50": 500, "p95": 2000}}
        return spec(model={"source": LIBRARY}, workload=load, slo=targets)

    targets = slo | {"timePerOutputToken": each}
    cluster = inventory([gpu_node("g"), gpu_node("h")], [], CATALOG)
    answer = plan(asked(targets), cluster, CATALOG)
    if not isinstance(answer, PlanFailure):
        assert targets == {"timeToFirstToken": "2s", "timePerOutputToken": "50ms"}
        return
    proposed = dict(re.findall(r"spec\.slo\.(time\w+): (\d+(?:\.\d+)?ms)", answer.message.split("Nearest that")[1]))
    assert proposed.keys() == {name for name, time in targets.items() if time in {"40ms", "3ms"}}
    assert isinstance(plan(asked(targets | proposed), cluster, CATALOG), PlanStatus)
    for name, time in proposed.items():
        shorter = targets | proposed | {name: f"{float(time[:-2]) * 0.85:.2f}ms"}
        assert isinstance(plan(asked(shorter), cluster, CATALOG), PlanFailure), "a shorter one would have done"


def test_less_load_is_that_of_the_format_that_carries_most() -> None:
    lengths = {"inputTokens": {"p50": 1000, "p95": 4000}, "outputTokens": {"p50": 500, "p95": 2000}}

    def asked(name: str, form: str, users: int) -> DeploymentSpec:
        return spec(name, model={"source": LIBRARY, "quantization": form}, workload={"concurrency": users, **lengths})

    def proposed(form: str) -> int:
        found = re.search(r"concurrency: (\d+), on", failed(asked("Qwen3-8B", form, 64), small).message)
        return int(found[1]) if found else 0

    small = gpu_node("g", "NVIDIA-L4", count=1)
    assert proposed("Auto") == proposed("AWQ-INT4") > proposed("FP8") > 0


def test_a_smaller_model_is_proposed_with_less_load_where_neither_alone_does() -> None:
    lengths = {"inputTokens": {"p50": 1000, "p95": 4000}, "outputTokens": {"p50": 500, "p95": 2000}}
    slo = {"timeToFirstToken": "2s", "timePerOutputToken": "50ms"}
    asked = spec(model={"source": LIBRARY}, workload={"concurrency": 64, **lengths}, slo=slo)
    answer = failed(asked, gpu_node("g", "Tesla-T4", count=4))
    words = r"spec.model.name: (\S+) with spec.model.quantization: (\S+) and spec.workload.concurrency: (\d+), on"
    found = re.search(words, answer.message)
    assert found is not None, answer.message
    model, load = {"source": LIBRARY, "quantization": found[2]}, {"concurrency": int(found[3]), **lengths}
    assert found[1] == "Qwen3-4B"
    planned(spec(found[1], model=model, workload=load, slo=slo), gpu_node("g", "Tesla-T4", count=4))


@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize("hardware", [{}, {"accelerators": ["H100-SXM"]}])
@pytest.mark.parametrize("users", [8, 64])
@pytest.mark.parametrize("count", [1, 2])
def test_a_smaller_model_is_proposed_for_small_nodes(
    replicas: int | None, hardware: dict[str, Any], users: int, count: int
) -> None:
    nodes = [node(f"c{number}", memory="25G") for number in range(count)]
    asked = {"replicas": replicas, "model": {"contextLength": 32_768}, "workload": {"concurrency": users}}
    answer = failed(spec("Qwen3-8B", **asked, hardware=hardware), *nodes)
    words = (
        r"Nearest that would fit: (no limits in spec.hardware and )?spec.model.name: (\S+) with "
        r"spec.model.quantization: (\S+?)(?: and spec.workload.concurrency: (\d+))?, on CPU"
    )
    found = re.search(words, answer.message)
    assert found is not None, answer.message
    assert bool(found[1]) is bool(hardware)
    model = {"contextLength": 32_768, "quantization": found[3], "source": LIBRARY}
    carried = int(found[4] or users)
    planned(spec(found[2], **(asked | {"model": model, "workload": {"concurrency": carried}})), *nodes)
    if carried < users:
        more = asked | {"model": model, "workload": {"concurrency": carried + 1}}
        failed(spec(found[2], **more), *nodes)


def test_a_smaller_model_is_proposed_with_fewer_replicas() -> None:
    load = {"concurrency": 2, "inputTokens": {"p95": 3000}, "outputTokens": {"p95": 1000}}
    small = gpu_node("g", "Tesla-T4", count=1)
    answer = failed(spec(model={"source": LIBRARY}, replicas=2, workload=load), small)
    found = re.search(r"model.name: (\S+) with spec.model.quantization: (\S+) and spec.replicas: 1, on", answer.message)
    assert found is not None, answer.message
    planned(spec(found[1], model={"source": LIBRARY, "quantization": found[2]}, replicas=1, workload=load), small)


def test_a_rate_is_made_lower() -> None:
    lengths = {"inputTokens": {"p95": 3000}, "outputTokens": {"p95": 1000}}
    answer = failed(spec(workload={"requestsPerSecond": "500", **lengths}), gpu_node("g"))
    proposed = re.search(r'spec.workload.requestsPerSecond: "([0-9.]+)"', answer.message)
    assert proposed is not None, answer.message
    planned(spec(workload={"requestsPerSecond": proposed[1], **lengths}), gpu_node("g"))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            {"minimumQuality": "Qwen3-235B-A22B-Instruct-2507"},
            "would fit: spec.model.minimumQuality: Qwen3-",
        ),
        ({"minimumQuality": "Qwen3-Embedding-8B"}, "no source ranks this model"),
        ({"minimumQuality": "Qwen4"}, "spec.model.minimumQuality 'Qwen4' is not known"),
        ({"contextLength": 1_048_576}, "no model of the catalog is for Chat with a context of 1048576 tokens"),
        ({"useCase": "Vision", "quantization": "GPTQ-INT8"}, "no model of the catalog is for Vision in GPTQ-INT8"),
    ],
)
def test_a_model_left_to_the_plan(model: dict[str, Any], words: str) -> None:
    answer = failed(spec("Auto", model={"source": LIBRARY, **model}), gpu_node("g", "NVIDIA-L4", count=1))
    assert words in answer.message
    assert answer.message.count("In pool") <= 1


def test_the_nearest_of_several_models_is_named() -> None:
    auto = spec("Auto", model={"source": LIBRARY, "minimumQuality": "Qwen3-8B"})
    assert re.search(
        r"nearest is Qwen3-\S+ \S+ on CPU \(pool cpu-amd64\): \d", failed(auto, node("c", memory="25G")).message
    )
    wide = {"source": LIBRARY, "minimumQuality": "Qwen3-235B-A22B"}
    answer = failed(spec("Auto", model=wide), gpu_node("g", "NVIDIA-L4", count=1))
    assert re.search(r"In pool l4 Qwen3\S+ \S+: \d+ devices of \d+ nodes would hold it", answer.message), answer.message
    one = failed(spec("Qwen3-235B-A22B"), npu_node("n"))
    assert "nearest is 8 x Ascend-910B3" in one.message


@pytest.mark.parametrize(
    ("over", "nodes", "advice"),
    [
        ({"hardware": {"maxDevicesPerReplica": 1}}, [gpu_node("g")], "no limits in spec.hardware, on 2 x H100-SXM"),
        ({}, [gpu_node("g", count=1)], "spec.model.quantization: FP8 with the weights of Qwen/Qwen3-32B-FP8"),
        ({"model": {"name": "Qwen3-235B-A22B"}}, [npu_node("n")], "spec.model.quantization: W8A8"),
        ({"workload": {"concurrency": 500}}, [gpu_node("g")], "spec.workload.concurrency: 56, on 8 x H100-SXM"),
        (
            {"workload": {"concurrency": 500}, "replicas": 1},
            [gpu_node("g")],
            "spec.workload.concurrency: 56, on 8 x H100-SXM",
        ),
        (
            {"model": {"name": "Qwen3-8B", "quantization": "AWQ-INT4", "contextLength": 131_072}},
            [gpu_node("g", "NVIDIA-L4", count=1)],
            "spec.engine.kvCacheDataType: FP8",
        ),
        (
            {"model": {"name": "Qwen3-8B", "quantization": "AWQ-INT4", "contextLength": 131_072}},
            [gpu_node("g", "NVIDIA-A30", count=1)],
            "spec.model.contextLength: 65536",
        ),
        (
            {},
            [gpu_node("g", "NVIDIA-L4", count=1)],
            "spec.model.name: Qwen3-14B with spec.model.quantization: AWQ-INT4",
        ),
        ({"model": {"name": "Qwen3-8B"}}, [node("c")], "spec.hardware.accelerators: [CPU]"),
        (
            {"model": {"name": "Qwen3-8B"}},
            [duo_node("d")],
            "fit: less load, a shorter context, another format or a smaller model, with the same load or less.",
        ),
    ],
)
def test_advice(over: dict[str, Any], nodes: list[dict[str, Any]], advice: str) -> None:
    answer = failed(spec(**over), *nodes)
    assert answer.reason == "NoFit"
    assert advice in answer.message


def test_the_nearest_miss_is_named_in_bytes() -> None:
    answer = failed(spec("Qwen3-235B-A22B"), npu_node("n"))
    assert "nearest is 8 x Ascend-910B3 (pool ascend-910b3): needs 76.9 GB per device, has 68.7 GB" in answer.message
    assert (
        "In pool ascend-910b3 16 devices of 2 nodes would hold it, a node has 8; replicas over several nodes"
        in answer.message
    )
    assert [r.reason for r in answer.rejected[:2]] == ["NeedsLeaderWorkerSet", "OutOfMemory"]


def test_what_takes_many_times_the_nodes_is_not_near() -> None:
    auto = spec("Auto", model={"source": LIBRARY, "contextLength": 32_768}, optimizeFor="Quality")
    found = inventory([gpu_node("g", "NVIDIA-GeForce-RTX-4090", count=2)], [], CATALOG, groups=True)
    answer = plan(auto, found, CATALOG)
    assert isinstance(answer, PlanStatus)
    assert answer.rejected_counts["NeedsSeveralNodes"] > 16
    assert "NeedsSeveralNodes" not in {rejection.reason for rejection in answer.rejected}


def test_cpu_nodes_are_described_by_memory() -> None:
    full = pod("c", {"memory": "7Gi"})
    answer = failed(spec("Qwen3-Tiny"), node("c", memory="8Gi"), pods=(full,))
    assert "a replica needs 0.5 CPU and 3.1 GB of its node, at most 64 CPU and 1.1 GB are free on one" in answer.message
    many = failed(spec("Qwen3-Tiny", replicas=50), node("c", memory="8Gi"), node("d", memory="20Gi"))
    assert (
        "50 replicas wanted, room for 8: a replica needs 0.5 CPU and 3.1 GB of its node, at most 64 CPU and 21.5 GB "
        in (many.message)
    )
    assert "are free on one of 2 nodes. Nearest that would fit: spec.replicas: 8" in many.message
    answer = failed(spec("Qwen3-235B-A22B"), node("c", memory="16Gi"))
    assert "GB on one node, has 17.2 GB" in answer.message


@pytest.mark.parametrize(
    ("hardware", "nodes", "words"),
    [
        (
            {"accelerators": ["H100-SXM"]},
            [node("c", memory="4Gi")],
            "format or a smaller model, with the same load or less; with the limits in spec.hardware or without.",
        ),
        (
            {"accelerators": ["H200-SXM", "H100-SXM"]},
            [gpu_node("l", "NVIDIA-L4"), gpu_node("g", cordoned=True)],
            "cluster has no usable H100-SXM or H200-SXM node; it has: L4 (pool l4). 1 node not usable: g (Cordoned)",
        ),
        (
            {"pools": ["h100-80gb-hbm3"]},
            [gpu_node("l", "NVIDIA-L4"), gpu_node("g", cordoned=True)],
            "Pool h100-80gb-hbm3 has no usable node; the cluster has: L4 (pool l4).",
        ),
        (
            {"pools": ["l4"], "accelerators": ["H100-SXM"]},
            [gpu_node("l", "NVIDIA-L4"), gpu_node("g")],
            "Pool l4 has no H100-SXM node; the cluster has: H100-SXM (pool h100-80gb-hbm3), L4 (pool l4).",
        ),
    ],
)
def test_hardware_that_is_not_there_is_told_with_what_is(
    hardware: dict[str, Any], nodes: list[dict[str, Any]], words: str
) -> None:
    assert words in failed(spec(hardware=hardware), *nodes).message


def test_a_host_without_room_is_named() -> None:
    answer = failed(spec(), gpu_node("g", memory="8Gi"))
    assert "room for 0: 8 of 8 devices are free there; a replica needs 4 CPU and 17.2 GB of its node" in answer.message
    assert "at most 64 CPU and 8.6 GB are free on one" in answer.message


def test_a_busy_accelerator_does_not_push_a_small_model_to_cpu() -> None:
    busy = pod("g", {"nvidia.com/gpu": "8"})
    answer = failed(spec("Qwen3-0.6B"), gpu_node("g"), node("c"), pods=(busy,))
    assert "Nearest that would fit: spec.hardware.accelerators: [CPU]" in answer.message
