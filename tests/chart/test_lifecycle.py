"""Upgrade, uninstall and re-install of the release that the whole cluster uses: what runs, goes on running.

The CRD belongs to one release, so there is no second one to try this on; the fixture brings the first one back with
the values that it had.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart.chart import CHART, Helm
from tests.kube import KubectlError, poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kube import Kube, Object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

OPERATOR = "qwen3-operator"
CRD = "qwen3deployments.serving.qwen3.io"
NAMESPACE = "qwen3-system"
KINDS = (
    "deployment,service,serviceaccount,role,rolebinding,clusterrole,clusterrolebinding,poddisruptionbudget,secret,"
    "validatingwebhookconfiguration"
)


class Release:
    """The operator's release, and the values that its owner gave."""

    def __init__(self, helm: Helm, values: Path) -> None:
        listed = json.loads(helm.run("list", "-n", NAMESPACE, "-o", "json"))
        (self.name,) = (found["name"] for found in listed if found["chart"].startswith(f"{OPERATOR}-"))
        self.helm, self.values = helm, values
        self.labels = f"app.kubernetes.io/managed-by=Helm,app.kubernetes.io/instance={self.name}"
        values.write_text(helm.run("get", "values", self.name, "-n", NAMESPACE, "-o", "yaml"))

    def apply(self, *extra: str, chart: Path = CHART) -> None:
        """Install or upgrade to the owner's values and ``extra``; returns once all pods are ready."""
        self.helm.run(
            "upgrade", "--install", self.name, str(chart), "-n", NAMESPACE, "-f", str(self.values),
            "--reset-values", "--wait", "--timeout=120s", *extra, timeout=150,
        )  # fmt: skip

    def uninstall(self) -> None:
        """Returns once everything that goes is gone."""
        self.helm.run("uninstall", self.name, "-n", NAMESPACE, "--wait", "--timeout=60s", timeout=90)


@pytest.fixture(scope="module")
def release(cluster_helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The release as the platform installed it; brought back at the end."""
    found = Release(cluster_helm, tmp_path_factory.mktemp("release") / "values.yaml")
    yield found
    found.apply()


def test_installed_with_its_own_image(release: Release, kube: Kube, operator_image: str) -> None:
    release.apply()
    (container,) = kube.get("deployment", OPERATOR, NAMESPACE)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == operator_image
    assert _ready_replicas(kube) == 1


def _uid(kube: Kube, kind: str, name: str, namespace: str = "") -> str:
    return str(kube.get(kind, name, namespace)["metadata"]["uid"])


def _ready_replicas(kube: Kube) -> int:
    return int(kube.get("deployment", OPERATOR, NAMESPACE)["status"].get("readyReplicas", 0))


def _holder(kube: Kube) -> str:
    return str(kube.get("lease", OPERATOR, NAMESPACE)["spec"].get("holderIdentity", ""))


def _operator_pods(kube: Kube) -> set[str]:
    pods = kube.list("pods", NAMESPACE, f"app.kubernetes.io/name={OPERATOR}")
    return {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def _operator_reaches(kube: Kube, host: str, port: int) -> bool:
    connect = f"import socket; socket.create_connection(({host!r}, {port}), timeout=3)"
    try:
        kube.run("exec", f"deployment/{OPERATOR}", "-n", NAMESPACE, "--", "python", "-c", connect)
    except KubectlError as refused:
        if "timed out" not in str(refused) and "ConnectionRefused" not in str(refused):
            raise
        return False
    return True


def _generations(kube: Kube, name: str, namespace: str) -> tuple[int, int]:
    """(wanted, observed)."""
    found = kube.get("q3d", name, namespace)
    return found["metadata"]["generation"], found.get("status", {}).get("observedGeneration", 0)


def _trusted_certificates(kube: Kube) -> dict[str, str] | None:
    """Data of the webhook's Secret, once the API server trusts its authority."""
    data: dict[str, str] = kube.get("secret", f"{OPERATOR}-admission", NAMESPACE).get("data", {})
    (webhook,) = kube.get("validatingwebhookconfiguration", f"{OPERATOR}.{NAMESPACE}")["webhooks"]
    return data if data and webhook["clientConfig"].get("caBundle") else None


def _columns(crd: Object) -> list[str]:
    return [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]


def test_metrics_service_answers(release: Release, kube: Kube) -> None:
    release.apply()
    service = f"/api/v1/namespaces/{NAMESPACE}/services/{OPERATOR}-metrics:http/proxy"
    assert "process_resident_memory_bytes" in kube.run("get", "--raw", f"{service}/metrics")
    kube.run("get", "--raw", f"{service}/healthz")
    kube.run("get", "--raw", f"{service}/readyz")


def test_network_policy_leaves_the_operator_its_api_server(release: Release, kube: Kube) -> None:
    api_server = kube.get("service", "kubernetes", "default")["spec"]["clusterIP"], 443
    # Not the cluster's DNS: with a Prometheus the policy lets the operator ask for its name.
    elsewhere = kube.get("service", f"{OPERATOR}-gateway", NAMESPACE)["spec"]["clusterIP"], 80
    assert _operator_reaches(kube, *elsewhere)
    release.apply("--set", "networkPolicy.enabled=true")
    poll("the policy is in force", lambda: not _operator_reaches(kube, *elsewhere), timeout=60)
    assert _operator_reaches(kube, *api_server)
    release.apply()
    poll("the policy is gone", lambda: _operator_reaches(kube, *elsewhere), timeout=60)


def test_upgrade_changes_what_the_values_say(release: Release, kube: Kube) -> None:
    release.apply("--set", "replicas=2,logLevel=DEBUG")
    assert _ready_replicas(kube) == 2
    assert kube.find("poddisruptionbudget", OPERATOR, NAMESPACE)
    template = kube.get("deployment", OPERATOR, NAMESPACE)["spec"]["template"]
    assert {"name": "QWEN3_LOG_LEVEL", "value": "DEBUG"} in template["spec"]["containers"][0]["env"]
    poll("one of the two holds the Lease", lambda: _holder(kube) in _operator_pods(kube), timeout=60)
    release.apply()
    assert _ready_replicas(kube) == 1
    assert kube.find("poddisruptionbudget", OPERATOR, NAMESPACE) is None


def test_upgrade_leaves_the_webhooks_certificates_alone(release: Release, kube: Kube) -> None:
    release.apply()
    before = poll("certificates in place", lambda: _trusted_certificates(kube), timeout=60)
    release.apply("--set", "logLevel=DEBUG")
    assert _trusted_certificates(kube) == before
    release.apply()
    assert _trusted_certificates(kube) == before


def test_webhook_answers_behind_the_network_policy(release: Release, kube: Kube) -> None:
    release.apply("--set", "networkPolicy.enabled=true")
    unknown = deployment("unknown", "default", model={"name": "Qwen3-23B"})
    warned = poll("a warning", lambda: kube.warnings(unknown, server_dry_run=True), timeout=60)
    assert warned[0].startswith("UnknownModel: ")


def test_without_the_webhook_nothing_of_it_is_left(release: Release, kube: Kube) -> None:
    release.apply("--set", "admission.enabled=false")
    assert kube.find("secret", f"{OPERATOR}-admission", NAMESPACE) is None
    assert kube.find("validatingwebhookconfiguration", f"{OPERATOR}.{NAMESPACE}") is None
    assert kube.warnings(deployment("unknown", "default", model={"name": "Qwen3-23B"}), server_dry_run=True) == []
    release.apply()
    poll("certificates in place", lambda: _trusted_certificates(kube), timeout=60)


def test_upgrade_carries_the_crd(release: Release, kube: Kube, tmp_path: Path) -> None:
    newer = tmp_path / "qwen3-operator"
    shutil.copytree(CHART, newer)
    path = newer / "files" / "crds" / "serving.qwen3.io_qwen3deployments.yaml"
    crd: dict[str, Any] = yaml.safe_load(path.read_text())
    column = {"name": "Newer", "type": "string", "jsonPath": ".metadata.uid"}
    crd["spec"]["versions"][0]["additionalPrinterColumns"].append(column)
    path.write_text(yaml.safe_dump(crd))
    release.apply(chart=newer)
    assert "Newer" in _columns(kube.get("crd", CRD))
    release.apply()
    assert "Newer" not in _columns(kube.get("crd", CRD))


def test_uninstall_and_reinstall_touch_no_model(release: Release, kube: Kube, namespace: str) -> None:
    kube.apply(deployment("kept", namespace))
    pods = poll("the model's pod", lambda: kube.list("pods", namespace), timeout=60)
    kept = [("crd", CRD, ""), ("q3d", "kept", namespace), ("pod", pods[0]["metadata"]["name"], namespace)]
    before = [_uid(kube, *which) for which in kept]

    release.uninstall()
    assert kube.run("get", KINDS, "-A", "-l", release.labels, "-o", "name").strip() == ""
    assert [_uid(kube, *which) for which in kept] == before
    kube.patch("q3d", "kept", namespace, {"spec": {"replicas": 2}})

    release.apply()
    poll(
        "the change made meanwhile is observed",
        lambda: len(set(_generations(kube, "kept", namespace))) == 1,
        timeout=60,
    )
    assert [_uid(kube, *which) for which in kept] == before
