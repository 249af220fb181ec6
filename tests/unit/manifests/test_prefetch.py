"""Pods that fetch ahead: where they run, what they hold, and what they are not taken for."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.catalog import Catalog, load_catalog
from qwen3_operator.manifests.render import render
from qwen3_runtime.config import RuntimeConfig
from tests.unit.manifests.samples import cpu_placement, deployment, placement, plan, settings

HUB = {"huggingFace": {"token": {"name": "hub"}}}
CACHE = {"claimName": "cache", "sizeLimit": "1Ti", "prefetch": True}
LAW = {"name": "law", "rank": 16, "source": {"persistentVolumeClaim": {"claimName": "adapters"}}}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def rendered(catalog: Catalog, *placements: Any, **model: Any) -> list[dict[str, Any]]:
    asked = {"source": HUB, "cache": CACHE, **model}
    return render(deployment({"model": asked}), plan(*placements), settings(), catalog)


def of_kind(children: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [child for child in children if child["kind"] == kind]


def config_of(pod: dict[str, Any]) -> RuntimeConfig:
    environment = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
    return RuntimeConfig.model_validate_json(str(environment["QWEN3_RUNTIME_CONFIG"]))


def test_they_go_where_replicas_may_come_and_bring_the_same_model(catalog: Catalog) -> None:
    children = rendered(catalog, placement())
    (fetching,), (serving,) = of_kind(children, "DaemonSet"), of_kind(children, "Deployment")
    kubernetes_validate.validate(fetching, "1.35", strict=True)
    ahead, replica = (child["spec"]["template"]["spec"] for child in (fetching, serving))
    for field in ("nodeSelector", "affinity", "tolerations", "securityContext", "automountServiceAccountToken"):
        assert ahead[field] == replica[field]
    config = config_of(ahead)
    assert config.model == config_of(replica).model
    assert (config.fetches_only, config.answers, config_of(replica).fetches_only) == (True, False, None)
    (container,), (engine,) = ahead["containers"], replica["containers"]
    for field in ("image", "securityContext", "volumeMounts"):
        assert container[field] == engine[field]
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}, "no device is held"
    assert [port["name"] for port in container["ports"]] == ["management"]


def test_they_are_no_replicas(catalog: Catalog) -> None:
    children = rendered(catalog, placement())
    (fetching,), (service,), (policy,) = (of_kind(children, kind) for kind in ("DaemonSet", "Service", "NetworkPolicy"))
    labels = fetching["spec"]["template"]["metadata"]["labels"]
    assert fetching["metadata"]["labels"][DEPLOYMENT_LABEL] == "chat", "the operator finds it by this"
    assert fetching["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for selector in (service["spec"]["selector"], policy["spec"]["podSelector"]["matchLabels"]):
        assert not selector.items() <= labels.items()


def test_each_pool_has_its_own_with_its_own_format(catalog: Catalog) -> None:
    both = placement(), placement(pool="h200", quantization="FP8", node_selector={"serving.qwen3.io/pool": "h200"})
    fetching = of_kind(rendered(catalog, *both), "DaemonSet")
    assert len({child["metadata"]["name"] for child in fetching}) == len(both)
    configs = [config_of(child["spec"]["template"]["spec"]) for child in fetching]
    assert [config.quantization for config in configs] == ["BF16", "FP8"]
    assert configs[0].model.path != configs[1].model.path


def test_replicas_of_several_nodes_have_the_model_on_each(catalog: Catalog) -> None:
    (fetching,) = of_kind(rendered(catalog, placement(nodes=2, devices_per_replica=16)), "DaemonSet")
    config = config_of(fetching["spec"]["template"]["spec"])
    assert config.group is None


def test_what_serves_may_change_without_them(catalog: Catalog) -> None:
    (before,) = of_kind(rendered(catalog, cpu_placement()), "DaemonSet")
    children = rendered(catalog, cpu_placement(max_concurrency=9), adapters=[LAW], contextLength=4096)
    (after,) = of_kind(children, "DaemonSet")
    assert after["spec"] == before["spec"]


@pytest.mark.parametrize(
    "model",
    [
        {"cache": {"claimName": "cache"}},
        {"cache": None},
        {"source": {"persistentVolumeClaim": {"claimName": "weights"}}, "cache": None},
    ],
)
def test_without_being_asked_nothing_is_fetched_ahead(catalog: Catalog, model: dict[str, Any]) -> None:
    assert not of_kind(rendered(catalog, placement(), **model), "DaemonSet")
