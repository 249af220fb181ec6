"""Lint, rendering over a matrix of values, packaging, and what the chart and the operator must agree on."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import jsonschema
import pytest
from yamllint import linter  # type: ignore[import-untyped]
from yamllint.config import YamlLintConfig  # type: ignore[import-untyped]

from qwen3_operator.settings import FIELD_MANAGER, from_environment
from qwen3_runtime.config import MANAGEMENT_PORT, Device, Engine
from tests.chart.chart import CHART, CI_VALUES, CRDS, NAMESPACE, RELEASE, Helm, environment, of_kind, operator, workload
from tests.chart.schemas import validate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chart.chart import Object


@pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)
def test_lint_is_content(helm: Helm, values: Path) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHART), "-f", str(values))


def test_every_object_is_valid(helm: Helm, ci_values: Object) -> None:
    objects = helm.render(ci_values)
    assert objects
    for found in objects:
        validate(found)


def test_no_key_stands_twice(helm: Helm, ci_values: Object) -> None:
    text = helm.template({**ci_values, "crds": {"enabled": False}})
    rules = YamlLintConfig("rules: {key-duplicates: enable, colons: enable, trailing-spaces: enable}")
    assert [str(problem) for problem in linter.run(text, rules)] == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", ("spec", "replica")),
        ("PodMonitor", ("spec", "endpoints")),
        ("Service", ("spec", "ports", "p")),
        ("ValidatingWebhookConfiguration", ("webhooks", "timeout")),
    ],
)
def test_the_judge_refuses_wrong_objects(helm: Helm, kind: str, path: tuple[str, ...]) -> None:
    found, *_ = of_kind(helm.render({"metrics": {"scrape": "PodMonitor"}}), kind)
    parent = found
    for key in path[:-1]:
        parent = parent[key]
    if isinstance(parent, list):
        parent = parent[0]
    parent[path[-1]] = 1
    with pytest.raises(jsonschema.ValidationError, match=path[-1]):
        validate(found)


def test_names_are_unique_and_labelled(helm: Helm, ci_values: Object) -> None:
    objects = helm.render(ci_values)
    keys = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
    assert len(keys) == len(set(keys))
    for found in objects:
        labels = found["metadata"]["labels"]
        is_gateways = labels["app.kubernetes.io/component"] == "gateway"
        name = "qwen3-gateway" if is_gateways else "qwen3-operator"
        assert labels["app.kubernetes.io/name"] == name, found["metadata"]["name"]
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels.items() >= ci_values.get("commonLabels", {}).items()


@pytest.mark.parametrize(("component", "other", "count"), [("operator", "gateway", 6), ("gateway", "operator", 5)])
def test_selectors_match_the_pods(helm: Helm, component: str, other: str, count: int) -> None:
    values = {"replicas": 2, "gateway": {"enabled": True, "replicas": 2, "store": {"secretName": "valkey"}}}
    every = helm.render({**values, "metrics": {"scrape": "PodMonitor"}, "networkPolicy": {"enabled": True}})
    objects = [one for one in every if one["metadata"]["labels"]["app.kubernetes.io/component"] == component]
    labels, others = (_pod_labels(every, name) for name in (component, other))
    services = of_kind(objects, "Service")
    (policy,) = of_kind(objects, "NetworkPolicy")
    by_labels = of_kind(objects, "Deployment", "PodDisruptionBudget", "PodMonitor")
    by_labels = [found for found in by_labels if not found["metadata"]["name"].endswith("-engines")]
    selectors = [policy["spec"]["podSelector"]["matchLabels"], *(found["spec"]["selector"] for found in services)]
    selectors += [found["spec"]["selector"]["matchLabels"] for found in by_labels]
    assert len(selectors) == count
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()
        assert not selector.items() <= others.items()


def _pod_labels(objects: list[Object], component: str) -> Object:
    labels: Object = workload(objects, component)["spec"]["template"]["metadata"]["labels"]
    return labels


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("qwen3-operator", {}, "qwen3-operator"),
        ("qwen3", {}, "qwen3-operator"),
        ("prod", {}, "prod-qwen3-operator"),
        ("qwen3-operator-2", {}, "qwen3-operator-2"),
        ("prod", {"fullnameOverride": "q3"}, "q3"),
        ("x" * 50, {}, "x" * 50 + "-q"),
    ],
)
def test_names_follow_the_release(helm: Helm, release: str, values: Object, name: str) -> None:
    objects = helm.render({**values, "gateway": {"enabled": True}}, release=release)
    assert workload(objects)["metadata"]["name"] == name
    assert workload(objects, "gateway")["metadata"]["name"] == f"{name}-gateway"
    assert environment(objects)["QWEN3_LEASE_NAME"] == name


def test_two_releases_share_no_cluster_object(helm: Helm) -> None:
    releases = [("qwen3-operator", "a"), ("other", "a"), ("qwen3-operator", "b")]
    kinds = ("ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration")
    names = [
        (found["kind"], found["metadata"]["name"])
        for release, namespace in releases
        for found in of_kind(helm.render({}, release=release, namespace=namespace), *kinds)
    ]
    assert {kind for kind, _ in names} == set(kinds)
    assert len(names) == len(set(names))


def test_the_operator_understands_its_environment(helm: Helm, ci_values: Object) -> None:
    objects = helm.render(ci_values)
    variables = environment(objects)
    settings = from_environment({**variables, "POD_NAMESPACE": NAMESPACE, "POD_NAME": "pod-0"}, "host")
    assert variables["POD_NAMESPACE"] == "metadata.namespace"
    assert variables["POD_NAME"] == "metadata.name"
    assert settings.own_namespace == NAMESPACE
    assert settings.identity == "pod-0"
    assert settings.namespaces == tuple(ci_values.get("watchNamespaces", ()))
    assert settings.gateway == ci_values.get("gateway", {}).get("enabled", False)
    assert settings.full_name == workload(objects)["metadata"]["name"]
    assert settings.workers == ci_values.get("workers", 4)
    assert settings.resync_seconds == ci_values.get("resyncSeconds", 300)
    assert settings.log_level == ci_values.get("logLevel", "INFO")
    assert settings.image_pull_policy == ci_values.get("runtimes", {}).get("imagePullPolicy", "IfNotPresent")
    ports = {port["name"]: port["containerPort"] for port in operator(objects)["ports"]}
    assert ports.pop("http") == settings.http_port
    assert ports == ({"admission": settings.admission.port} if settings.admission else {})


def test_images_of_engines_reach_the_operator(helm: Helm) -> None:
    version = "0.1.0"
    plain = from_environment(environment(helm.render({})), "host")
    served = (Device.CPU, Device.CUDA, Device.NPU)
    assert plain.images == {device: f"qwen3-runtime-sglang-{device}:{version}" for device in served}
    assert plain.engine_images == {}
    assert plain.runtime_classes == {}
    digest = "sha256:" + "a" * 64
    runtimes = {
        "cpu": {"image": {"digest": digest}},
        "cuda": {"image": {"tag": "v1", "digest": digest}, "runtimeClassName": "nvidia"},
        "npu": {"image": {"repository": ""}, "runtimeClassName": "ascend"},
        "engines": {"LlamaCpp": {"cpu": "llama:v2"}, "MindIE": {"npu": f"mindie@{digest}"}},
    }
    mirrored = from_environment(
        environment(helm.render({"imageRegistry": "registry.example.com/q/", "runtimes": runtimes})), "host"
    )
    assert mirrored.images == {
        Device.CPU: f"registry.example.com/q/qwen3-runtime-sglang-cpu@{digest}",
        Device.CUDA: f"registry.example.com/q/qwen3-runtime-sglang-cuda:v1@{digest}",
    }
    assert mirrored.engine_images == {
        Engine.LLAMA_CPP: {Device.CPU: "registry.example.com/q/llama:v2"},
        Engine.MINDIE: {Device.NPU: f"registry.example.com/q/mindie@{digest}"},
    }
    assert mirrored.runtime_classes == {Device.CUDA: "nvidia", Device.NPU: "ascend"}


def test_network_policy_lets_the_operator_do_its_work_and_no_more(helm: Helm) -> None:
    (everywhere,) = of_kind(helm.render({"networkPolicy": {"enabled": True}}), "NetworkPolicy")
    api_server, engines = everywhere["spec"]["egress"]
    assert [entry["port"] for entry in api_server["ports"]] == [443, 6443]
    assert engines == {
        "ports": [{"port": MANAGEMENT_PORT, "protocol": "TCP"}],
        "to": [
            {
                "podSelector": {"matchLabels": {"app.kubernetes.io/managed-by": FIELD_MANAGER}},
                "namespaceSelector": {},
            }
        ],
    }
    listed = helm.render({"networkPolicy": {"enabled": True}, "watchNamespaces": ["a", "b"]})
    (policy,) = of_kind(listed, "NetworkPolicy")
    (peer,) = policy["spec"]["egress"][1]["to"]
    (expression,) = peer["namespaceSelector"]["matchExpressions"]
    assert expression == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]}


@pytest.mark.parametrize(("replicas", "budgets"), [(0, 0), (1, 0), (2, 1)])
def test_disruption_budget_only_where_it_helps(helm: Helm, replicas: int, budgets: int) -> None:
    assert len(of_kind(helm.render({"replicas": replicas}), "PodDisruptionBudget")) == budgets


@pytest.mark.parametrize(
    ("scrape", "monitors", "annotated"), [("None", 0, 0), ("Annotations", 0, 1), ("PodMonitor", 2, 0)]
)
def test_prometheus_finds_the_pods_one_way(helm: Helm, scrape: str, monitors: int, annotated: int) -> None:
    objects = helm.render({"metrics": {"scrape": scrape}})
    annotations = workload(objects)["spec"]["template"]["metadata"]["annotations"]
    assert len(of_kind(objects, "PodMonitor")) == monitors
    assert ("prometheus.io/scrape" in annotations) == bool(annotated)


def test_the_package_renders_like_the_checkout(helm: Helm, tmp_path: Path) -> None:
    helm.run("package", str(CHART), "-d", str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        members = {member.name: member for member in archive.getmembers()}
        assert all(member.isfile() for member in members.values()), "a link would point out of the package"
        assert not [name for name in members if "/ci/" in name]
        for crd in CRDS.glob("*.yaml"):
            packed = archive.extractfile(f"qwen3-operator/files/crds/{crd.name}")
            assert packed is not None
            assert packed.read() == crd.read_bytes()
    assert helm.render({}, chart=package) == helm.render({})


def test_the_autoscaler_is_told_of_its_prometheus(helm: Helm) -> None:
    assert from_environment(environment(helm.render({})), "host").prometheus is None
    values = {"prometheus": {"url": "https://prometheus.monitoring", "tokenSecret": {"name": "t", "key": "k"}}}
    objects = helm.render({**values, "networkPolicy": {"enabled": True}})
    settings = from_environment(environment(objects), "host").prometheus
    assert settings is not None
    assert str(settings.url) == "https://prometheus.monitoring/"
    mount = operator(objects)["volumeMounts"][0]["mountPath"]
    assert str(settings.token_file) == f"{mount}/k"
    (policy,) = of_kind(objects, "NetworkPolicy")
    assert [entry["port"] for entry in policy["spec"]["egress"][1]["ports"]] == [443, 53, 53]
