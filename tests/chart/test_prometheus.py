"""The chart of the small Prometheus: valid, restricted, and scraping what the autoscaler asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from qwen3_operator.api.base import DEPLOYMENT_LABEL
from qwen3_operator.autoscale.samples import QUERIES
from qwen3_operator.manifests.names import PLACEMENT_LABEL
from qwen3_runtime.gateway.metrics import ROUTE
from tests.chart.chart import REPOSITORY, of_kind
from tests.chart.schemas import validate

if TYPE_CHECKING:
    from tests.chart.chart import Helm, Object

CHART = REPOSITORY / "charts" / "qwen3-prometheus"


def objects(helm: Helm) -> list[Object]:
    """As installed with the default values."""
    return helm.render({}, chart=CHART, release="prometheus")


def test_every_object_is_valid(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHART))
    for found in objects(helm):
        validate(found)


def test_pod_is_restricted_and_may_only_look_for_pods(helm: Helm) -> None:
    (deployment,) = of_kind(objects(helm), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (role,) = of_kind(objects(helm), "ClusterRole")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]


def test_series_get_the_labels_that_the_queries_group_by(helm: Helm) -> None:
    (config,) = of_kind(objects(helm), "ConfigMap")
    platform, job = yaml.safe_load(config["data"]["prometheus.yml"])["scrape_configs"]
    assert "target_label: namespace" not in yaml.safe_dump(platform), "its series have that label themselves"
    rules = job["relabel_configs"]
    given = {rule["target_label"] for rule in rules if "target_label" in rule}
    (labelmap,) = (rule["regex"] for rule in rules if rule.get("action") == "labelmap")
    for label in (DEPLOYMENT_LABEL, PLACEMENT_LABEL):
        meta = "__meta_kubernetes_pod_label_" + re.sub(r"[^a-zA-Z0-9_]", "_", label)
        found = re.fullmatch(labelmap, meta)
        assert found is not None
        given.add(found[1])
    grouped = {
        label for query in QUERIES.values() for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(", ")
    }
    assert grouped - {"__name__", "le", "via", *ROUTE} <= given, "the rest is said by the series themselves"
    assert {rule.get("target_label") for rule in platform["relabel_configs"]} == {None, "pod"}
    (keep,) = (rule["regex"] for rule in job["metric_relabel_configs"])
    names = {name for query in QUERIES.values() for name in re.findall(r"qwen3_(?:runtime|engine)_\w+", query)}
    assert len(names) >= 8
    assert all(re.fullmatch(keep, name) for name in names)
