from __future__ import annotations

import copy
import json
from typing import Any

import kubernetes_validate
import pytest

from qwen3_operator.api.status import MemoryPlan, Offload
from qwen3_operator.catalog import Catalog, load_catalog
from qwen3_operator.manifests.render import RenderError, render
from qwen3_runtime.config import Npus, RuntimeConfig, Task, ThinkingMode, ToolCallFormat
from tests.unit.manifests.samples import cpu_placement, deployment, placement, plan, settings


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def children(catalog: Catalog, spec: dict[str, Any] | None = None, **arguments: Any) -> dict[str, dict[str, Any]]:
    rendered = render(deployment(spec), arguments.get("plan", plan()), arguments.get("settings", settings()), catalog)
    return {f"{child['kind']}/{child['metadata']['name']}": child for child in rendered}


def pod(catalog: Catalog, spec: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    found = [child for child in children(catalog, spec, **arguments).values() if child["kind"] == "Deployment"]
    assert len(found) == 1
    template: dict[str, Any] = found[0]["spec"]["template"]["spec"]
    return template


def config(catalog: Catalog, spec: dict[str, Any] | None = None, **arguments: Any) -> RuntimeConfig:
    environment = {entry["name"]: entry["value"] for entry in pod(catalog, spec, **arguments)["containers"][0]["env"]}
    return RuntimeConfig.model_validate_json(environment["QWEN3_RUNTIME_CONFIG"])


def test_sampling_of_the_model_reaches_the_pod(catalog: Catalog) -> None:
    sampling = config(catalog).sampling
    assert sampling is not None
    assert sampling.thinking is not None
    assert sampling.answering is not None
    assert (sampling.thinking.temperature, sampling.answering.temperature) == (0.6, 0.7)


def test_one_service_one_policy_and_a_workload_per_placement(catalog: Catalog) -> None:
    found = children(catalog, plan=plan(placement(), cpu_placement()))
    assert list(found) == [
        "Service/chat",
        "NetworkPolicy/chat",
        "PodDisruptionBudget/chat",
        "Deployment/chat-h100",
        "Deployment/chat-cpu",
    ]


def test_everything_is_valid_kubernetes(catalog: Catalog) -> None:
    npu = placement(device="npu", resource_name="huawei.com/Ascend910", pool="a2")
    for child in children(catalog, plan=plan(placement(), cpu_placement(), npu)).values():
        kubernetes_validate.validate(child, "1.35", strict=True)


def test_the_same_input_gives_the_same_bytes(catalog: Catalog) -> None:
    spec = {"engine": {"extraArgs": ["--a", "--b"]}}
    assert json.dumps(children(catalog, spec)) == json.dumps(children(catalog, copy.deepcopy(spec)))


def test_children_are_owned_and_labelled(catalog: Catalog) -> None:
    for child in children(catalog).values():
        owner = child["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("Qwen3Deployment", "0000-1111", True)
        assert child["metadata"]["namespace"] == "team-a"
        assert child["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "qwen3-operator"
        assert child["metadata"]["labels"]["serving.qwen3.io/deployment"] == "chat"


def test_the_service_selects_all_pools_and_revisions(catalog: Catalog) -> None:
    service = children(catalog)["Service/chat"]["spec"]
    assert service["selector"] == {"serving.qwen3.io/deployment": "chat"}
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(80, "http")]


def test_only_the_own_namespace_reaches_the_api(catalog: Catalog) -> None:
    api, management = children(catalog)["NetworkPolicy/chat"]["spec"]["ingress"]
    assert api == {"ports": [{"protocol": "TCP", "port": 8080}], "from": [{"podSelector": {}}]}
    assert management == {"ports": [{"protocol": "TCP", "port": 8081}]}


def test_with_tenants_the_gateways_pods_reach_the_api_too(catalog: Catalog) -> None:
    offered = children(catalog, {"tenants": {"allowed": {"all": True}}})
    gateway = {"app.kubernetes.io/component": "gateway", "app.kubernetes.io/part-of": "qwen3-serving"}
    assert offered["NetworkPolicy/chat"]["spec"]["ingress"][0]["from"] == [
        {"podSelector": {}},
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "qwen3-system"}},
            "podSelector": {"matchLabels": gateway},
        },
    ]


def test_the_pod_meets_pod_security_restricted(catalog: Catalog) -> None:
    for chosen in (placement(), cpu_placement(), placement(device="npu", resource_name="huawei.com/Ascend910")):
        template = pod(catalog, plan=plan(chosen))
        container = template["containers"][0]
        assert template["securityContext"]["runAsNonRoot"] is True
        assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert template["automountServiceAccountToken"] is False
        allowed = {"persistentVolumeClaim", "emptyDir"}
        assert all(set(volume) - {"name"} <= allowed for volume in template["volumes"])
        assert not {"hostNetwork", "hostIPC", "hostPID"} & set(template)


def test_weights_are_mounted_read_only_without_a_sub_path(catalog: Catalog) -> None:
    source = {"persistentVolumeClaim": {"claimName": "big-disk", "path": "qwen3/8b"}}
    spec = {"model": {"source": source}}
    template = pod(catalog, spec)
    assert template["volumes"][0]["persistentVolumeClaim"] == {"claimName": "big-disk", "readOnly": True}
    assert template["containers"][0]["volumeMounts"][0] == {"name": "models", "mountPath": "/models", "readOnly": True}
    assert config(catalog, spec).model.path == "/models/qwen3/8b"
    assert config(catalog).model.path == "/models"


def test_devices_are_requested_under_the_name_that_the_node_advertises(catalog: Catalog) -> None:
    npu = placement(device="npu", resource_name="huawei.com/Ascend910", devices_per_replica=4)
    resources = pod(catalog, plan=plan(npu))["containers"][0]["resources"]
    assert resources["limits"] == {"huawei.com/Ascend910": "4"}
    assert resources["requests"] == {"cpu": "4", "memory": "16Gi", "huawei.com/Ascend910": "4"}


def test_host_memory_is_limited_where_it_holds_the_model(catalog: Catalog) -> None:
    resources = pod(catalog, plan=plan(cpu_placement()))["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "4", "memory": "2Gi"}, "limits": {"memory": "2Gi"}}


def test_only_ascend_pods_join_the_drivers_group(catalog: Catalog) -> None:
    npu = placement(device="npu", resource_name="huawei.com/Ascend910")
    assert pod(catalog, plan=plan(npu))["securityContext"]["supplementalGroups"] == [1000]
    assert "supplementalGroups" not in pod(catalog)["securityContext"]


def test_ascend_pods_know_the_devices_that_they_were_planned_with(catalog: Catalog) -> None:
    memory = MemoryPlan(total=65536 << 20, weights=1, kv_cache=1, activations=1, overhead=1, free=1)
    npu = placement(
        device="npu",
        accelerator="Ascend-910C",
        resource_name="huawei.com/Ascend910",
        devices_per_replica=16,
        memory=memory,
    )
    assert config(catalog, plan=plan(npu)).npus == Npus(
        resource="huawei.com/Ascend910", devices=16, chips=("Ascend910",), memory_mib=65536, oldest_cann="9.0.0"
    )
    gone = config(catalog, plan=plan(npu.model_copy(update={"accelerator": "Ascend-Gone"}))).npus
    assert gone is not None
    assert gone.chips == ()
    assert config(catalog).npus is None
    assert "npus" not in pod(catalog)["containers"][0]["env"][0]["value"]


def test_each_pod_of_a_group_counts_its_own_devices(catalog: Catalog) -> None:
    npu = placement(device="npu", accelerator="Ascend-910B3", devices_per_replica=16, nodes=2)
    group = next(child for child in children(catalog, plan=plan(npu)).values() if child["kind"] == "LeaderWorkerSet")
    template = group["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]
    value = template["containers"][0]["env"][0]["value"]
    assert json.loads(value)["npus"]["devices"] == 8


def test_placement_decides_on_nodes(catalog: Catalog) -> None:
    template = pod(catalog)
    assert template["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    affinity = template["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert affinity["nodeSelectorTerms"] == [
        {"matchExpressions": [{"key": "serving.qwen3.io/pool", "operator": "DoesNotExist"}]}
    ]
    assert template["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    bare = pod(catalog, plan=plan(cpu_placement()))
    assert not {"nodeSelector", "affinity", "tolerations"} & set(bare)


@pytest.mark.parametrize(
    ("surge", "expected"),
    [(True, {"maxUnavailable": 0, "maxSurge": 1}), (False, {"maxUnavailable": 1, "maxSurge": 0})],
)
def test_a_roll_needs_room_or_takes_one_down(catalog: Catalog, surge: bool, expected: dict[str, int]) -> None:  # noqa: FBT001
    workload = children(catalog, plan=plan(placement(surge=surge)))["Deployment/chat-h100"]["spec"]
    assert workload["strategy"] == {"type": "RollingUpdate", "rollingUpdate": expected}


def test_draining_fits_into_the_grace_period(catalog: Catalog) -> None:
    spec = {"drainTimeoutSeconds": 300}
    shutdown = config(catalog, spec).shutdown
    assert (shutdown.lame_duck_seconds, shutdown.drain_seconds) == (10, 300)
    assert pod(catalog, spec)["terminationGracePeriodSeconds"] > 10 + 300


def test_the_users_words_reach_the_pod(catalog: Catalog) -> None:
    spec = {
        "model": {"servedName": "assistant"},
        "engine": {"image": "mine:1", "imagePullSecrets": ["registry"], "extraArgs": ["--log-level", "debug"]},
        "thinking": {"default": "Disabled"},
    }
    template, wanted = pod(catalog, spec), config(catalog, spec)
    assert template["containers"][0]["image"] == "mine:1"
    assert template["imagePullSecrets"] == [{"name": "registry"}]
    assert wanted.served_model_name == "assistant"
    assert wanted.extra_args == ("--log-level", "debug")
    assert wanted.thinking == "Disabled"
    assert config(catalog).served_model_name == "Qwen3-8B"
    assert config(catalog).thinking == "Enabled"


def test_the_plan_reaches_the_runtime(catalog: Catalog) -> None:
    wanted = config(catalog)
    assert wanted.parallelism.tensor_parallel == 2
    assert wanted.limits.context_length == 8192
    assert wanted.limits.max_total_tokens is None
    assert wanted.model.expected_config["hidden_size"] == 4096
    assert wanted.native_context_length == 40960


def test_on_a_cpu_the_engine_is_told_how_much_it_may_take(catalog: Catalog) -> None:
    limits = config(catalog, plan=plan(cpu_placement(max_concurrency=5))).limits
    assert (limits.max_total_tokens, limits.max_running_requests) == (4096, 5)


def test_attention_groups_and_cache_type_reach_the_runtime(catalog: Catalog) -> None:
    wanted = config(catalog, {"engine": {"kvCacheDataType": "FP8"}}, plan=plan(placement(data_parallel=2)))
    assert (wanted.parallelism.data_parallel, wanted.kv_cache_data_type) == (2, "FP8")
    plain = config(catalog)
    assert plain.parallelism.data_parallel is None
    assert plain.kv_cache_data_type is None


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("{model}/{quantization}", "/models/Qwen3-8B/BF16"),
        ("hub/{repository}", "/models/hub/Qwen/Qwen3-8B"),
        ("plain", "/models/plain"),
    ],
)
def test_a_library_of_weights_is_one_folder_per_placement(catalog: Catalog, path: str, folder: str) -> None:
    source = {"persistentVolumeClaim": {"claimName": "weights", "path": path}}
    assert config(catalog, {"model": {"source": source}}).model.path == folder


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("Qwen3-32B", (None, None, None)),
        ("Qwen3-4B-Thinking-2507", (None, ThinkingMode.ALWAYS, None)),
        ("Qwen3-30B-A3B-Instruct-2507", (None, ThinkingMode.NEVER, None)),
        ("Qwen3-Coder-30B-A3B-Instruct", (None, ThinkingMode.NEVER, ToolCallFormat.XML)),
        ("Qwen3.8-27B", (None, None, ToolCallFormat.XML)),
        ("Qwen3-Embedding-8B", (Task.EMBED, ThinkingMode.NEVER, None)),
        ("Qwen3-Reranker-4B", (Task.RERANK, ThinkingMode.NEVER, None)),
    ],
)
def test_the_kind_of_model_reaches_the_runtime(catalog: Catalog, model: str, kind: tuple[Any, ...]) -> None:
    found = config(catalog, plan=plan(model=model))
    assert (found.task, found.thinking_mode, found.tool_call_format) == kind


def test_runtime_class_and_pull_policy_come_from_the_settings(catalog: Catalog) -> None:
    chosen = settings(QWEN3_CUDA_RUNTIME_CLASS="nvidia", QWEN3_IMAGE_PULL_POLICY="Always")
    template = pod(catalog, settings=chosen)
    assert template["runtimeClassName"] == "nvidia"
    assert template["containers"][0]["imagePullPolicy"] == "Always"
    assert "runtimeClassName" not in pod(catalog)


def test_a_pools_own_settings_come_before_the_operators_and_after_the_users(catalog: Catalog) -> None:
    chosen = settings(QWEN3_CUDA_RUNTIME_CLASS="nvidia")
    own = plan(placement(runtime_class_name="nvidia-legacy", image="pool:1"))
    template = pod(catalog, plan=own, settings=chosen)
    assert (template["runtimeClassName"], template["containers"][0]["image"]) == ("nvidia-legacy", "pool:1")
    asked = pod(catalog, {"engine": {"image": "mine:1"}}, plan=own)
    assert asked["containers"][0]["image"] == "mine:1"


def test_on_a_shared_gpu_the_engine_is_told_its_part(catalog: Catalog) -> None:
    shared = config(catalog, plan=plan(placement(shared_device=True, kv_cache_tokens=5000)))
    assert shared.limits.max_total_tokens == 5000
    assert config(catalog).limits.max_total_tokens is None


def test_without_an_image_a_person_is_told_where_to_set_one(catalog: Catalog) -> None:
    with pytest.raises(RenderError, match="QWEN3_IMAGE_CUDA") as caught:
        children(catalog, settings=settings(QWEN3_IMAGE_CUDA=""))
    assert caught.value.reason == "NoEngineImage"


def test_the_template_digest_follows_the_pod_and_not_the_replicas(catalog: Catalog) -> None:
    def template_digest(spec: dict[str, Any], replicas: int) -> str:
        found = children(catalog, spec, plan=plan(placement(replicas=replicas)))["Deployment/chat-h100"]
        value: str = found["spec"]["template"]["metadata"]["annotations"]["serving.qwen3.io/template-digest"]
        return value

    assert template_digest({}, 2) == template_digest({}, 5)
    assert template_digest({}, 2) != template_digest({"drainTimeoutSeconds": 7}, 2)


def test_a_queue_is_named_on_the_workload_and_nowhere_else(catalog: Catalog) -> None:
    spec = {"scheduling": {"queueName": "team-a"}}
    queue = {"kueue.x-k8s.io/queue-name": "team-a"}
    for planned, workload in (
        (plan(), "Deployment/chat-h100"),
        (plan(placement(nodes=2, devices_per_replica=16)), "LeaderWorkerSet/chat-h100"),
    ):
        plain, queued = children(catalog, {}, plan=planned), children(catalog, spec, plan=planned)
        assert queued[workload]["metadata"]["labels"] == plain[workload]["metadata"]["labels"] | queue
        assert queued[workload]["spec"] == plain[workload]["spec"], "Kueue writes there, and pods must not roll for it"
        assert queued["Service/chat"] == plain["Service/chat"]


def test_every_engine_has_its_image_and_its_name_in_the_pod(catalog: Catalog) -> None:
    own = settings(QWEN3_IMAGE_LLAMACPP_CPU="llama:cpu", QWEN3_IMAGE_VLLM_CUDA="vllm:cuda")
    chosen = {
        "llama:cpu": cpu_placement(engine="LlamaCpp", quantization="GGUF-Q8_0"),
        "vllm:cuda": placement(engine="vLLM"),
        "runtime:cuda": placement(),
    }
    for image, made in chosen.items():
        assert pod(catalog, plan=plan(made), settings=own)["containers"][0]["image"] == image
        assert config(catalog, plan=plan(made), settings=own).engine == made.engine


def test_an_engine_without_an_image_says_where_to_name_one(catalog: Catalog) -> None:
    with pytest.raises(RenderError) as caught:
        children(catalog, plan=plan(placement(engine="MindIE", device="npu")))
    assert caught.value.reason == "NoEngineImage"
    for words in ("no image with MindIE for npu", "QWEN3_IMAGE_MINDIE_NPU", "runtimes.engines.MindIE.npu"):
        assert words in caught.value.message


def test_llama_cpp_is_told_what_it_may_take(catalog: Catalog) -> None:
    split = placement(engine="LlamaCpp", offload=Offload(device_layers=20, layers=37, host_memory=1))
    own = settings(QWEN3_IMAGE_LLAMACPP_CUDA="llama:cuda")
    made = config(catalog, plan=plan(split), settings=own)
    assert made.device_layers == 20
    assert (made.limits.max_total_tokens, made.limits.max_running_requests) == (4096, 3)
    assert config(catalog).device_layers is None
    file = {"persistentVolumeClaim": {"claimName": "w", "path": "qwen3/model-Q8_0.gguf"}}
    assert config(catalog, {"model": {"source": file}}).model.path == "/models/qwen3/model-Q8_0.gguf"
