"""Each source of weights as volume, mount, Secret and as what the runtime is told."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from qwen3_operator.catalog import Catalog, load_catalog
from qwen3_operator.manifests.render import render
from qwen3_runtime.config import ModelFiles, RuntimeConfig
from qwen3_runtime.sources import Checksums, Hub, HubSource, S3Source
from tests.unit.manifests.samples import deployment, placement, plan, settings


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def rendered(catalog: Catalog, source: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = render(deployment({"model": {"source": source}}), plan(placement(**changes)), settings(), catalog)
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
    pod = rendered(catalog, {"huggingFace": hub, "download": {"claimName": "cache"}})
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
