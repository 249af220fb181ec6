"""What there is to run on: discovery, AcceleratorPools, plans that become outdated, and rows added to the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import SERVED
from tests.kind import pools
from tests.kube import poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import openai

    from tests.kube import Kube, Object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

OPERATOR = "qwen3-system"
OVERRIDES = "qwen3-operator-catalog"
H100 = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
H200 = {"nvidia.com/gpu.product": "NVIDIA-H200"}
OUTDATED_WITHIN = 120
"""A plan is looked at once a minute at most."""

TWIN = """models:
  - name: Qwen3-Tiny-Twin
    config: Qwen3-Tiny.json
    useCases: [Chat]
    thinking: Hybrid
    nativeContext: 40960
    checkpoints:
      - {quantization: BF16, repository: "", source: tests/e2e}
"""
BAD = """  - name: Qwen3-Tiny-Bad
    config: Qwen3-Tiny.json
    useCases: [Chat]
    thinking: Hybrid
    nativeContext: long
    checkpoints:
      - {quantization: BF16, repository: "", source: tests/e2e}
"""


@pytest.fixture
def add_nodes(kube: Kube) -> Iterator[Callable[[list[Object]], None]]:
    """Adds fake nodes, which go again after the test. Asked for before ``namespace``: pods go before their nodes."""
    added: list[Object] = []

    def add(nodes: list[Object]) -> None:
        added.extend(nodes)
        pools.apply(kube.command, nodes)

    yield add
    if added:
        pools.remove(kube.command, added)


@pytest.fixture
def add_pool(kube: Kube) -> Iterator[Callable[..., None]]:
    """Applies AcceleratorPools, which go again after the test."""
    names: set[str] = set()

    def add(name: str, **spec: Any) -> None:
        names.add(name)
        metadata = {"name": name}
        made = {"apiVersion": "serving.qwen3.io/v1alpha1", "kind": "AcceleratorPool", "metadata": metadata}
        kube.apply({**made, "spec": spec})

    yield add
    for name in names:
        kube.run("delete", "acp", name, "--ignore-not-found")


def big(name: str, namespace: str, *, quantization: str = "BF16", **hardware: Any) -> Object:
    """A deployment of Qwen3-32B that only has to be placed."""
    model = {"name": "Qwen3-32B", "quantization": quantization, "contextLength": 32768}
    engine = {"image": "example.invalid/engine:1"}
    return deployment(
        name, namespace, model=model, engine=engine, hardware=hardware, replicas=1, workload={"concurrency": 1}
    )


def small(name: str, namespace: str, pool: str) -> Object:
    """A deployment of a small model in a pool."""
    model, engine = {"name": "Qwen3-1.7B", "contextLength": 8192}, {"image": "example.invalid/engine:1"}
    hardware, workload = {"pools": [pool]}, {"concurrency": 1}
    return deployment(name, namespace, model=model, engine=engine, hardware=hardware, replicas=1, workload=workload)


def placement(kube: Kube, name: str, namespace: str) -> Object:
    """The only placement of the plan in force."""
    (found,) = kube.get("q3d", name, namespace)["status"]["plan"]["placements"]
    answer: Object = found
    return answer


def wait_pool(kube: Kube, name: str, status: str, reason: str) -> Object:
    """The AcceleratorPool once its condition Ready is so."""

    def reached() -> Object | None:
        found = kube.get("acp", name)
        ready = {(c["status"], c["reason"]) for c in found.get("status", {}).get("conditions", [])}
        return found if (status, reason) in ready else None

    try:
        answer: Object = poll(f"{name}: Ready={status} {reason}", reached, timeout=40)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{kube.run('describe', 'acp', name)}") from None
    return answer


def test_pools_are_discovered(kube: Kube, add_nodes: Callable[[list[Object]], None], namespace: str) -> None:
    add_nodes(pools.nvidia_h100(1) + pools.nvidia_h200() + pools.nvidia_h100_mixed() + pools.ascend_910b3())
    expected = {
        "h100-80gb-hbm3": ("H100-SXM", "nvidia.com/gpu"),
        "h200": ("H200-SXM", "nvidia.com/gpu"),
        "h100-80gb-hbm3-mig-1g-10gb": ("H100-SXM-MIG-1g.10gb", "nvidia.com/mig-1g.10gb"),
        "ascend-910b3-arm64": ("Ascend-910B3", "huawei.com/Ascend910"),
    }
    names = {pool: f"on-{number}" for number, pool in enumerate(expected)}
    kube.apply(*(small(name, namespace, pool) for pool, name in names.items()))
    for pool, name in names.items():
        kube.wait_condition(name, namespace, "Scheduled", "True", timeout=60)
        found = placement(kube, name, namespace)
        assert (found["accelerator"], found["resourceName"]) == expected[pool]
        assert found["tensorParallel"] == 1
        (made,) = kube.list("pods", namespace, f"serving.qwen3.io/deployment={name}")
        assert made["spec"]["containers"][0]["resources"]["limits"] == {expected[pool][1]: "1"}
    slice_node = kube.list("pods", namespace, f"serving.qwen3.io/deployment={names['h100-80gb-hbm3-mig-1g-10gb']}")
    assert slice_node[0]["spec"]["nodeName"] == "h100-mixed"


def test_waiting_deployments_are_planned_when_nodes_come(
    kube: Kube, add_nodes: Callable[[list[Object]], None], namespace: str
) -> None:
    kube.apply(big("waits", namespace, accelerators=["H200-SXM"]))
    kube.wait_condition("waits", namespace, "Planned", "False", reason="NoFit", timeout=60)
    servers = pools.nvidia_h200()
    add_nodes(servers)
    kube.wait_condition("waits", namespace, "Planned", "True", timeout=30)
    kube.wait_condition("waits", namespace, "Scheduled", "True", timeout=60)
    kube.run("cordon", servers[0]["metadata"]["name"])
    kube.apply(big("late", namespace, accelerators=["H200-SXM"]))
    late = kube.wait_condition("late", namespace, "Planned", "False", reason="NoFit", timeout=60)
    assert "Cordoned" in late["message"]
    assert placement(kube, "waits", namespace)["accelerator"] == "H200-SXM", "what runs keeps its plan"
    kube.run("uncordon", servers[0]["metadata"]["name"])
    kube.wait_condition("late", namespace, "Planned", "True", timeout=30)


def test_replicas_are_split_over_pools_and_too_many_find_a_way_out(
    kube: Kube, add_nodes: Callable[[list[Object]], None], namespace: str
) -> None:
    add_nodes(pools.nvidia_h100(1) + pools.nvidia_h200())
    wanted = big("split", namespace, accelerators=["H100-SXM", "H200-SXM"])
    wanted["spec"]["replicas"] = 13
    kube.apply(wanted)
    full = kube.wait_condition("split", namespace, "Planned", "False", reason="NoFit", timeout=60)
    assert "Nearest that would fit: spec.replicas: 12" in full["message"]
    kube.run("scale", "q3d", "split", "-n", namespace, "--replicas=12")
    kube.wait_condition("split", namespace, "Planned", "True", timeout=60)
    kube.wait_condition("split", namespace, "Scheduled", "True", timeout=90)
    placements = kube.get("q3d", "split", namespace)["status"]["plan"]["placements"]
    shown = {found["pool"]: (found["replicas"], found["tensorParallel"]) for found in placements}
    assert shown == {"h200": (8, 1), "h100-80gb-hbm3": (4, 2)}
    children = kube.list("deployments", namespace, "serving.qwen3.io/deployment=split")
    assert sorted(child["spec"]["replicas"] for child in children) == [4, 8]
    assert kube.get("q3d", "split", namespace)["status"]["capacity"][0]["source"] == "Table"


def test_a_better_plan_is_told_and_taken_when_asked(
    kube: Kube, add_nodes: Callable[[list[Object]], None], namespace: str
) -> None:
    add_nodes(pools.nvidia_h100(1))
    kube.apply(big("grows", namespace, accelerators=["H100-SXM", "H200-SXM"]))
    kube.wait_condition("grows", namespace, "Scheduled", "True", timeout=60)
    before = placement(kube, "grows", namespace)
    assert (before["accelerator"], before["devicesPerReplica"]) == ("H100-SXM", 2)
    kube.wait_condition("grows", namespace, "PlanOutdated", "False", timeout=OUTDATED_WITHIN)

    add_nodes(pools.nvidia_h200())
    told = kube.wait_condition("grows", namespace, "PlanOutdated", "True", reason="BetterPlan", timeout=OUTDATED_WITHIN)
    assert told["message"].startswith("1 device instead of 2 devices; a new plan would be: Qwen3-32B BF16 on 1 x H200")
    assert placement(kube, "grows", namespace) == before, "nobody asked for it yet"

    kube.run("annotate", "q3d", "grows", "-n", namespace, "serving.qwen3.io/replan=first")
    moved = poll("replanned", lambda: _moved(kube, namespace, "H200-SXM"), timeout=30)
    assert moved["status"]["replanned"] == "first"
    kube.wait_condition("grows", namespace, "PlanOutdated", "False", timeout=OUTDATED_WITHIN)
    labelled = "serving.qwen3.io/deployment=grows"
    poll("one workload", lambda: len(kube.list("deployments", namespace, labelled)) == 1, timeout=60)


def _moved(kube: Kube, namespace: str, accelerator: str) -> Object | None:
    found = kube.get("q3d", "grows", namespace)
    (only,) = found["status"]["plan"]["placements"]
    return found if only["accelerator"] == accelerator else None


def test_prices_change_the_choice(
    kube: Kube, add_nodes: Callable[[list[Object]], None], add_pool: Callable[..., None], namespace: str
) -> None:
    add_nodes(pools.nvidia_h100(1) + pools.nvidia_h200())
    add_pool("e2e-h100", nodeSelector=H100, pricePerDeviceHour="2.5")
    add_pool("e2e-h200", nodeSelector=H200, pricePerDeviceHour="4")
    both = ["e2e-h100", "e2e-h200"]
    ready = wait_pool(kube, "e2e-h100", "True", "Usable")["status"]
    assert (ready["accelerator"], ready["nodes"], ready["devices"], ready["freeDevices"]) == ("H100-SXM", 1, 8, 8)
    assert ready["memoryPerDevice"] == "81559Mi"

    kube.apply(big("first", namespace, quantization="FP8", pools=both))
    kube.wait_condition("first", namespace, "Scheduled", "True", timeout=60)
    chosen = placement(kube, "first", namespace)
    assert (chosen["pool"], chosen["costPerHour"]) == ("e2e-h100", "2.50")
    poll("taken", lambda: kube.get("acp", "e2e-h100")["status"]["freeDevices"] == 7, timeout=40)

    kube.patch("acp", "e2e-h100", "", {"spec": {"pricePerDeviceHour": "9"}})
    told = kube.wait_condition("first", namespace, "PlanOutdated", "True", reason="BetterPlan", timeout=OUTDATED_WITHIN)
    assert told["message"].startswith("4.00 per hour instead of 9.00 per hour; ")
    kube.apply(big("second", namespace, quantization="FP8", pools=both))
    kube.wait_condition("second", namespace, "Planned", "True", timeout=60)
    assert placement(kube, "second", namespace)["pool"] == "e2e-h200"
    assert placement(kube, "first", namespace) == chosen


def test_a_pool_says_how_its_pods_run(
    kube: Kube, add_nodes: Callable[[list[Object]], None], add_pool: Callable[..., None], namespace: str
) -> None:
    made = pools.node(
        "e2e-special",
        labels={"e2e": "special"},
        devices={"example.com/npu": "8"},
        architecture="arm64",
        taints=({"key": "e2e", "value": "special", "effect": "NoSchedule"}, pools.TAINT),
    )
    add_nodes([made])
    add_pool(
        "e2e-special",
        nodeSelector={"e2e": "special"},
        accelerator="Ascend-910B3",
        resourceName="example.com/npu",
        tolerations=[{"key": "e2e", "operator": "Equal", "value": "special"}],
        images={"SGLang": "example.invalid/pool:1"},
    )
    wait_pool(kube, "e2e-special", "True", "Usable")
    model, hardware = {"name": "Qwen3-1.7B", "contextLength": 8192}, {"pools": ["e2e-special"]}
    kube.apply(deployment("on", namespace, model=model, hardware=hardware, replicas=1, workload={"concurrency": 1}))
    kube.wait_condition("on", namespace, "Scheduled", "True", timeout=60)
    (found,) = kube.list("pods", namespace, "serving.qwen3.io/deployment=on")
    spec = found["spec"]
    assert spec["nodeName"] == "e2e-special"
    assert spec["containers"][0]["image"] == "example.invalid/pool:1"
    assert spec["containers"][0]["resources"]["limits"] == {"example.com/npu": "1"}
    assert "special" in {toleration.get("value") for toleration in spec["tolerations"]}


def test_pools_that_cannot_be_used_say_why(
    kube: Kube, add_nodes: Callable[[list[Object]], None], add_pool: Callable[..., None]
) -> None:
    add_nodes(pools.nvidia_h100(1) + pools.nvidia_t4_shared())
    add_pool("e2e-none", nodeSelector={"e2e": "nowhere"})
    wait_pool(kube, "e2e-none", "False", "NoNodes")
    add_pool("e2e-typo", nodeSelector=H100, accelerator="H100-SMX")
    typo = wait_pool(kube, "e2e-typo", "False", "UnknownAccelerator")
    assert "H100-SXM" in typo["status"]["conditions"][0]["message"]
    kube.run("delete", "acp", "e2e-typo")

    add_pool("e2e-one", nodeSelector=H100)
    wait_pool(kube, "e2e-one", "True", "Usable")
    add_pool("e2e-two", nodeSelector={"nvidia.com/gpu.family": "hopper"})
    for name in ("e2e-one", "e2e-two"):
        contested = wait_pool(kube, name, "False", "Conflict")
        assert "e2e-one, e2e-two" in contested["status"]["conditions"][0]["message"]
    kube.run("delete", "acp", "e2e-two")
    wait_pool(kube, "e2e-one", "True", "Usable")

    add_pool("e2e-shared", nodeSelector={"nvidia.com/gpu.product": "Tesla-T4-SHARED"})
    wait_pool(kube, "e2e-shared", "False", "SharedDevices")
    kube.patch("acp", "e2e-shared", "", {"spec": {"memoryPerDevice": "3584Mi"}})
    shared = wait_pool(kube, "e2e-shared", "True", "Usable")["status"]
    assert (shared["accelerator"], shared["devices"], shared["memoryPerDevice"]) == ("T4-SHARED", 8, "3584Mi")


@pytest.fixture
def overrides(kube: Kube) -> Iterator[Callable[[str], None]]:
    """Writes models.yaml of the catalog's ConfigMap, which goes again after the test."""

    def write(text: str) -> None:
        metadata = {"name": OVERRIDES, "namespace": OPERATOR}
        kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"models.yaml": text}})

    yield write
    kube.run("delete", "configmap", OVERRIDES, "-n", OPERATOR, "--ignore-not-found")


def test_a_model_is_added_without_a_restart_and_a_bad_row_is_refused(
    kube: Kube, namespace: str, overrides: Callable[[str], None]
) -> None:
    def apply(name: str, model: str) -> None:
        kube.apply(deployment(name, namespace, model={"name": model}, replicas=0))

    apply("twin", "Qwen3-Tiny-Twin")
    apply("tiny", "Qwen3-Tiny")
    kube.wait_condition("twin", namespace, "Planned", "False", reason="UnknownModel", timeout=60)
    kube.wait_condition("tiny", namespace, "Planned", "True", timeout=60)
    kept = kube.get("q3d", "tiny", namespace)["status"]["plan"]
    running = _operator_pods(kube)

    overrides(TWIN)
    kube.wait_condition("twin", namespace, "Planned", "True", timeout=30)
    version = kube.get("q3d", "twin", namespace)["status"]["plan"]["catalogVersion"]
    assert version != kept["catalogVersion"]

    overrides(TWIN + BAD)
    told = poll("Event", lambda: _refusals(kube), timeout=30)
    assert any("Qwen3-Tiny-Bad" in note and "nativeContext" in note and "models.yaml" in note for note in told)
    apply("twin-too", "Qwen3-Tiny-Twin")
    kube.wait_condition("twin-too", namespace, "Planned", "True", timeout=60)
    apply("bad", "Qwen3-Tiny-Bad")
    kube.wait_condition("bad", namespace, "Planned", "False", reason="UnknownModel", timeout=60)

    outdated = kube.wait_condition("tiny", namespace, "PlanOutdated", "False", timeout=OUTDATED_WITHIN)
    assert outdated["reason"] == "Current", "a newer catalog alone makes no plan worse"
    assert kube.get("q3d", "tiny", namespace)["status"]["plan"] == kept
    assert _operator_pods(kube) == running


def test_capacity_is_what_the_engine_says(kube: Kube, served: str, client: openai.OpenAI) -> None:
    plan = kube.get("q3d", SERVED, served)["status"]["plan"]["placements"][0]
    calibrated = poll("Calibrated", lambda: _capacity(kube, served, "Calibrated", "Observed"), timeout=90)
    assert calibrated["pool"] == plan["pool"]
    tokens = calibrated["kvCacheTokens"]
    assert tokens == {"predicted": plan["kvCacheTokens"], "found": plan["kvCacheTokens"], "error": "+0.0%"}
    for number in range(25):
        client.chat.completions.create(
            model="Qwen3-Tiny", messages=[{"role": "user", "content": f"Hello {number}"}], max_tokens=8
        )
    observed = poll("Observed", lambda: _capacity(kube, served, "Observed"), timeout=150)
    assert observed["timeToFirstTokenMilliseconds"]["found"] > 0
    assert observed["timePerOutputTokenMicroseconds"]["found"] > 0
    assert observed["runningRequests"] >= 1
    assert "predicted" not in observed["timeToFirstTokenMilliseconds"], "nothing is claimed for CPUs"


def _capacity(kube: Kube, namespace: str, *sources: str) -> Object | None:
    """The only entry of status.capacity, once it has one of the sources."""
    found: list[Object] = kube.get("q3d", SERVED, namespace)["status"].get("capacity", [])
    return found[0] if found and found[0]["source"] in sources else None


def _operator_pods(kube: Kube) -> set[tuple[str, int]]:
    """Name and restarts of the operator's pods."""
    found = kube.list("pods", OPERATOR, "app.kubernetes.io/name=qwen3-operator")
    return {(pod["metadata"]["name"], pod["status"]["containerStatuses"][0]["restartCount"]) for pod in found}


def _refusals(kube: Kube) -> list[str]:
    """Notes of the Events about the catalog's ConfigMap."""
    found = kube.list("events.events.k8s.io", OPERATOR)
    return [
        str(event["note"])
        for event in found
        if event["reason"] == "CatalogRowRefused" and event["regarding"]["name"] == OVERRIDES
    ]
