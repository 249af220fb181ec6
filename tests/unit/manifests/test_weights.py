"""Each source of weights as volume, mount, Secret and as what the runtime is told."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate
import pytest

from qwen3_operator.catalog import Catalog, load_catalog
from qwen3_operator.manifests.render import render
from qwen3_runtime.config import AdapterList, Adapters, ModelCache, ModelFiles, RuntimeConfig
from qwen3_runtime.sources import Checksums, Hub, HubSource, S3Source
from tests.unit.manifests.samples import deployment, placement, plan, settings


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def rendered(
    catalog: Catalog, source: dict[str, Any], cache: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    asked = {"source": source} | ({"cache": cache} if cache else {})
    made = render(deployment({"model": asked}), plan(placement(**changes)), settings(), catalog)
    (workload,) = (child for child in made if child["kind"] == "Deployment")
    kubernetes_validate.validate(workload, "1.35", strict=True)
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def files(pod: dict[str, Any]) -> ModelFiles:
    environment = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    return RuntimeConfig.model_validate_json(environment["QWEN3_RUNTIME_CONFIG"]).model


def volumes(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {volume["name"]: {k: v for k, v in volume.items() if k != "name"} for volume in pod["volumes"]}


def mounts(pod: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    found = pod["containers"][0]["volumeMounts"]
    return {mount["name"]: (mount["mountPath"], mount.get("readOnly", False)) for mount in found}


def test_a_claim_is_read_only_and_nothing_is_fetched(catalog: Catalog) -> None:
    pod = rendered(catalog, {"persistentVolumeClaim": {"claimName": "weights", "path": "{model}"}})
    assert volumes(pod)["models"] == {"persistentVolumeClaim": {"claimName": "weights", "readOnly": True}}
    assert mounts(pod)["models"] == ("/models", True)
    assert (files(pod).path, files(pod).source) == ("/models/Qwen3-8B", None)


def test_an_image_is_a_volume(catalog: Catalog) -> None:
    pod = rendered(catalog, {"image": {"reference": "registry.example/qwen3:8b", "path": "model"}})
    assert volumes(pod)["models"] == {"image": {"reference": "registry.example/qwen3:8b"}}
    assert mounts(pod)["models"] == ("/models", True)
    assert (files(pod).path, files(pod).source) == ("/models/model", None)


@pytest.mark.parametrize(
    ("field", "hub"),
    [("huggingFace", Hub.HUGGING_FACE), ("modelScope", Hub.MODEL_SCOPE), ("modelers", Hub.MODELERS)],
)
def test_a_hub_without_a_repository_is_the_catalog_s(catalog: Catalog, field: str, hub: Hub) -> None:
    pod = rendered(catalog, {field: {}})
    source = files(pod).source
    assert source == HubSource(hub=hub, repository="Qwen/Qwen3-8B")
    assert files(pod).path == f"/models/{source.folder_name()}"
    assert volumes(pod)["models"] == {"emptyDir": {}}
    assert mounts(pod)["models"] == ("/models", False)
    assert "weights-secret" not in volumes(pod)


def test_everything_a_hub_can_be_told(catalog: Catalog) -> None:
    hub = {
        "repository": "team/tuned",
        "revision": "v2",
        "endpoint": "https://mirror.example",
        "token": {"name": "hub", "key": "hf"},
        "files": ["*.json"],
    }
    pod = rendered(catalog, {"huggingFace": hub}, cache={"claimName": "cache"})
    assert files(pod).source == HubSource(
        hub=Hub.HUGGING_FACE,
        repository="team/tuned",
        revision="v2",
        endpoint="https://mirror.example",
        token_file="/etc/qwen3/weights/token",  # noqa: S106 - a path
        files=("*.json",),
    )
    assert volumes(pod)["models"] == {"persistentVolumeClaim": {"claimName": "cache"}}
    assert volumes(pod)["weights-secret"] == {
        "secret": {"secretName": "hub", "items": [{"key": "hf", "path": "token"}], "defaultMode": 0o440}
    }
    assert mounts(pod)["weights-secret"] == ("/etc/qwen3/weights", True)
    assert files(pod).cache == ModelCache()


def test_a_cache_with_a_limit(catalog: Catalog) -> None:
    pod = rendered(catalog, {"huggingFace": {}}, cache={"claimName": "cache", "sizeLimit": "500Gi"})
    assert files(pod).cache == ModelCache(size_limit_bytes=500 * 1024**3)
    assert mounts(pod)["models"] == ("/models", False)


def test_without_a_cache_the_template_says_nothing_of_it(catalog: Catalog) -> None:
    pod = rendered(catalog, {"huggingFace": {}})
    assert "cache" not in json.loads(pod["containers"][0]["env"][0]["value"])["model"]


def test_of_a_gguf_repository_the_planned_format(catalog: Catalog) -> None:
    source = files(rendered(catalog, {"huggingFace": {}}, quantization="GGUF-Q4_K_M")).source
    assert isinstance(source, HubSource)
    assert (source.repository, source.files) == ("Qwen/Qwen3-8B-GGUF", ("*Q4_K_M*.gguf",))


def test_a_bucket(catalog: Catalog) -> None:
    bucket = {
        "bucket": "weights",
        "prefix": "{model}/{quantization}",
        "endpoint": "https://s3.example",
        "credentialsSecret": "s3",
        "checksums": "WhenPresent",
    }
    pod = rendered(catalog, {"s3": bucket})
    assert files(pod).source == S3Source(
        bucket="weights",
        prefix="Qwen3-8B/BF16",
        endpoint="https://s3.example",
        credentials_folder="/etc/qwen3/weights",
        checksums=Checksums.WHEN_PRESENT,
    )
    assert volumes(pod)["weights-secret"] == {"secret": {"secretName": "s3", "defaultMode": 0o440}}


def test_no_secret_is_in_the_template(catalog: Catalog) -> None:
    pod = rendered(catalog, {"huggingFace": {"token": {"name": "hub"}}})
    names = [entry["name"] for entry in pod["containers"][0]["env"]]
    assert sorted(names) == ["HOME", "QWEN3_RUNTIME_CONFIG"]


def lora(
    catalog: Catalog, source: dict[str, Any], *adapters: dict[str, Any], cache: dict[str, Any] | None = None
) -> tuple[dict[str, Any], Adapters]:
    """Pod and what the runtime is told of adapters whose sources these are."""
    listed = [{"name": f"a{number}", "source": one} for number, one in enumerate(adapters)]
    asked = {"source": source, "adapters": listed} | ({"cache": cache} if cache else {})
    made = render(deployment({"model": asked}), plan(placement()), settings(), catalog)
    (workload,) = (child for child in made if child["kind"] == "Deployment")
    kubernetes_validate.validate(workload, "1.35", strict=True)
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    environment = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    told = RuntimeConfig.model_validate_json(environment["QWEN3_RUNTIME_CONFIG"]).adapters
    assert told is not None
    (listed_in,) = (child for child in made if child["kind"] == "ConfigMap")
    kubernetes_validate.validate(listed_in, "1.35", strict=True)
    assert told.files == (), "the template does not change with the list"
    assert told.list_path == f"{mounts(pod)['adapter-list'][0]}/adapters.json"
    assert volumes(pod)["adapter-list"] == {"configMap": {"name": listed_in["metadata"]["name"]}}
    found = AdapterList.model_validate_json(listed_in["data"]["adapters.json"])
    return pod, told.model_copy(update={"files": found.files})


CLAIM = {"persistentVolumeClaim": {"claimName": "weights"}}


def test_a_model_without_adapters_leaves_no_trace_of_them(catalog: Catalog) -> None:
    environment = rendered(catalog, CLAIM)["containers"][0]["env"]
    assert "adapters" not in environment[0]["value"]


def test_adapters_on_the_claim_of_the_model_take_no_volume_of_their_own(catalog: Catalog) -> None:
    pod, told = lora(catalog, CLAIM, {"persistentVolumeClaim": {"claimName": "weights", "path": "lora/law"}})
    assert [one.path for one in told.files] == ["/models/lora/law"]
    assert set(volumes(pod)) == {"models", "adapter-list", "tmp", "shared-memory"}
    assert mounts(pod)["models"] == ("/models", True)


def test_each_other_volume_is_there_once(catalog: Catalog) -> None:
    other = {"persistentVolumeClaim": {"claimName": "lora", "path": "one"}}
    image = {"image": {"reference": "registry.example/lora:1", "path": "law"}}
    pod, told = lora(catalog, CLAIM, other, {"persistentVolumeClaim": {"claimName": "lora", "path": "two"}}, image)
    assert [one.path for one in told.files] == ["/adapters/1/one", "/adapters/1/two", "/adapters/2/law"]
    assert volumes(pod)["adapters-1"] == {"persistentVolumeClaim": {"claimName": "lora", "readOnly": True}}
    assert volumes(pod)["adapters-2"] == {"image": {"reference": "registry.example/lora:1"}}
    assert mounts(pod)["adapters-1"] == ("/adapters/1", True)
    assert all(one.source is None for one in told.files)


def test_fetched_adapters_lie_in_scratch_space_and_bring_two_files(catalog: Catalog) -> None:
    hub = {"repository": "team/support", "revision": "v2", "token": {"name": "hub"}}
    pod, told = lora(catalog, CLAIM, {"huggingFace": hub}, {"s3": {"bucket": "lora", "credentialsSecret": "s3"}})
    first, second = (one.source for one in told.files)
    files = ("adapter_config.json", "adapter_model.safetensors")
    assert first == HubSource(
        hub=Hub.HUGGING_FACE,
        repository="team/support",
        revision="v2",
        token_file="/etc/qwen3/adapters/1/token",  # noqa: S106 - a path
        files=files,
    )
    assert isinstance(second, S3Source)
    assert (second.credentials_folder, second.files) == ("/etc/qwen3/adapters/2", files)
    assert told.files[0].path == f"/adapters/1/{first.folder_name()}"
    assert volumes(pod)["adapters-1"] == {"emptyDir": {}}
    assert volumes(pod)["adapter-secret-1"]["secret"]["secretName"] == "hub"
    assert mounts(pod)["adapters-1"] == ("/adapters/1", False)
    assert mounts(pod)["adapter-secret-2"] == ("/etc/qwen3/adapters/2", True)


@pytest.mark.parametrize("model", [{"huggingFace": {}}, CLAIM], ids=["model fetched", "model there"])
def test_fetched_adapters_lie_in_the_cache(catalog: Catalog, model: dict[str, Any]) -> None:
    fetched = {"huggingFace": {"repository": "team/law"}}, {"s3": {"bucket": "lora"}}
    pod, told = lora(catalog, model, *fetched, cache={"claimName": "cache", "sizeLimit": "1Gi"})
    shared = [
        name for name, volume in volumes(pod).items() if volume == {"persistentVolumeClaim": {"claimName": "cache"}}
    ]
    assert shared == ["models" if "huggingFace" in model else "adapters-1"]
    mount, read_only = mounts(pod)[shared[0]]
    assert not read_only
    assert [one.path.rpartition("/")[0] for one in told.files] == [mount, mount]
    assert files(pod).cache == ModelCache(size_limit_bytes=1024**3)


def test_a_claim_that_is_read_and_written_is_writable(catalog: Catalog) -> None:
    fetched = {"huggingFace": {"repository": "team/law"}}
    pod, told = lora(catalog, CLAIM, fetched, cache={"claimName": "weights"})
    assert volumes(pod)["models"] == {"persistentVolumeClaim": {"claimName": "weights"}}
    assert mounts(pod)["models"] == ("/models", False)
    assert told.files[0].path.startswith("/models/team--law-")


def templates(catalog: Catalog, model: dict[str, Any], **changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Pod template, and ConfigMaps."""
    made = render(deployment({"model": model}), plan(placement(**changes)), settings(), catalog)
    (template,) = (child["spec"]["template"] for child in made if child["kind"] == "Deployment")
    return template, [child for child in made if child["kind"] == "ConfigMap"]


def hub_adapter(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "source": {"huggingFace": {"repository": f"team/{name}", **changes}}}


def test_the_template_stays_where_an_adapter_needs_no_other_volume(catalog: Catalog) -> None:
    token = {"token": {"name": "hub"}}
    model = {"source": {"huggingFace": token}, "adapterRoom": {"count": 3}}
    before, (none,) = templates(catalog, model)
    for listed in ([hub_adapter("law", **token)], [hub_adapter("support"), hub_adapter("law", **token)]):
        after, (some,) = templates(catalog, model | {"adapters": listed})
        assert after == before
        assert some["metadata"]["name"] == none["metadata"]["name"]
        assert some["data"] != none["data"]


@pytest.mark.parametrize(
    "change",
    [
        {"adapters": [{"name": "law", "source": CLAIM}]},
        {"adapters": [hub_adapter("law", token={"name": "other"})]},
        {"adapters": [{**hub_adapter("law"), "rank": 64}]},
        {"adapters": [hub_adapter(f"a{number}") for number in range(4)]},
        {"adapterRoom": {"count": 4}},
    ],
    ids=["claim", "secret", "rank", "more than there is room for", "room"],
)
def test_the_template_changes_with_volumes_secrets_and_room(catalog: Catalog, change: dict[str, Any]) -> None:
    model = {"source": {"huggingFace": {}}, "adapterRoom": {"count": 3}}
    before, (old,) = templates(catalog, model)
    after, (new,) = templates(catalog, model | change)
    assert after["metadata"]["annotations"] != before["metadata"]["annotations"]
    assert old["metadata"]["name"] != new["metadata"]["name"], "pods that go keep their list"


def test_the_order_of_the_list_changes_no_volume(catalog: Catalog) -> None:
    listed = [{"name": name, "source": {"persistentVolumeClaim": {"claimName": name}}} for name in ("a", "b")]
    listed += [hub_adapter("c", token={"name": "one"}), hub_adapter("d", token={"name": "two"})]
    model = {"source": {"huggingFace": {}}, "adapters": listed}
    assert templates(catalog, model)[0] == templates(catalog, model | {"adapters": listed[::-1]})[0]


@pytest.mark.parametrize("own", ["a", "b", "c"])
def test_another_adapter_with_the_secret_of_the_model_moves_no_other(catalog: Catalog, own: str) -> None:
    model = {"source": {"huggingFace": {"token": {"name": own}}}, "adapterRoom": {"count": 4}}
    listed = [hub_adapter(name, token={"name": name}) for name in ("a", "b", "c") if name != own]
    more = [*listed, hub_adapter("d", token={"name": own})]
    before, after = (templates(catalog, model | {"adapters": adapters})[0] for adapters in (listed, more))
    assert before == after


def test_members_of_a_group_keep_the_list_of_their_template(catalog: Catalog) -> None:
    asked = deployment({"model": {"source": CLAIM, "adapters": [hub_adapter("law")]}})
    groups = plan(placement(nodes=2, devices_per_replica=4, replicas=1))
    made = render(asked, groups, settings(), catalog)
    assert "ConfigMap" not in {child["kind"] for child in made}
    (workload,) = (child for child in made if child["kind"] == "LeaderWorkerSet")
    container = workload["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0]
    told = RuntimeConfig.model_validate_json(container["env"][0]["value"]).adapters
    assert told is not None
    assert ([one.name for one in told.files], told.list_path) == (["law"], None)


def test_what_the_pod_checks_adapters_by(catalog: Catalog) -> None:
    _, told = lora(catalog, {"huggingFace": {"repository": "team/tuned-8b"}}, CLAIM)
    assert told.base_models[:2] == ("team/tuned-8b", "Qwen/Qwen3-8B")
    assert (told.rank, told.targets[0], told.targets[-1]) == (16, "q_proj", "down_proj")
