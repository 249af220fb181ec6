"""The chart's objects on a real API server: accepted, admitted, and the rights really are what the rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.chart import CHART, Helm, of_kind
from tests.chart.schemas import PODMONITOR_CRD
from tests.kube import KubectlError, poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.chart import Object
    from tests.kube import Kube

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def pod_monitor_crd(kube: Kube) -> Iterator[None]:
    """prometheus-operator's PodMonitor, unless the cluster has it."""
    if kube.find("crd", "podmonitors.monitoring.coreos.com"):
        yield
        return
    kube.run("create", "-f", str(PODMONITOR_CRD))
    kube.run("wait", "--for=condition=Established", "crd/podmonitors.monitoring.coreos.com")
    yield
    kube.run("delete", "-f", str(PODMONITOR_CRD))


@pytest.mark.usefixtures("pod_monitor_crd")
def test_api_server_accepts_every_object(helm: Helm, kube: Kube, namespace: str, ci_values: Object) -> None:
    if "watchNamespaces" in ci_values:
        ci_values = {**ci_values, "watchNamespaces": [namespace]}
    objects = helm.render(ci_values, release="accepted", namespace=namespace)
    answer = kube.apply(*objects, server_dry_run=True)
    assert answer.count("serverside-applied (server dry run)") == len(objects)


def test_pod_is_admitted_under_restricted(helm: Helm, kube: Kube, namespace: str) -> None:
    kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "admitted", "namespace": namespace}})
    objects = helm.render({"serviceAccount": {"name": "admitted"}}, namespace=namespace)
    (deployment,) = of_kind(objects, "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "admitted", "namespace": namespace}, "spec": spec}
    assert "serverside-applied" in kube.apply(pod, server_dry_run=True)
    del spec["securityContext"]["seccompProfile"]
    with pytest.raises(KubectlError, match="violates PodSecurity"):
        kube.apply(pod, server_dry_run=True)


def _may(kube: Kube, account: str, namespace: str, *question: str) -> bool:
    where = ["-n", namespace] if namespace else ["-A"]
    try:
        return kube.run("auth", "can-i", *question, f"--as={account}", *where).strip() == "yes"
    except KubectlError:  # kubectl says "no" with exit code 1
        return False


@pytest.fixture
def scoped(cluster_helm: Helm, namespace: str) -> Iterator[str]:
    """A release without pods that watches its own namespace alone; yields its account."""
    settings = ("--set", "crds.enabled=false,replicas=0", "--set", f"watchNamespaces={{{namespace}}}")
    cluster_helm.run("install", "scoped", str(CHART), "-n", namespace, *settings)
    yield f"system:serviceaccount:{namespace}:scoped-qwen3-operator"
    cluster_helm.run("uninstall", "scoped", "-n", namespace)


def test_rights_end_at_the_watched_namespace(kube: Kube, namespace: str, scoped: str) -> None:
    for question in (
        ("list", "nodes"),
        ("watch", "pods"),
    ):
        assert _may(kube, scoped, "", *question), question
    for question in (
        ("watch", "qwen3deployments.serving.qwen3.io"),
        ("patch", "qwen3deployments.serving.qwen3.io/status"),
        ("create", "deployments.apps"),
        ("patch", "services"),
        ("delete", "networkpolicies.networking.k8s.io"),
        ("create", "events.events.k8s.io"),
        ("create", "leases.coordination.k8s.io"),
        ("update", "leases.coordination.k8s.io/scoped-qwen3-operator"),
    ):
        assert _may(kube, scoped, namespace, *question), question
        assert not _may(kube, scoped, "default", *question), question
    for question in (
        ("get", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("update", "qwen3deployments.serving.qwen3.io"),
        ("update", "leases.coordination.k8s.io/another"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
    ):
        assert not _may(kube, scoped, namespace, *question), question


@pytest.mark.usefixtures("scoped")
@pytest.mark.parametrize(("role", "may_write"), [("view", False), ("edit", True), ("admin", True)])
def test_users_of_the_clusters_own_roles(kube: Kube, namespace: str, role: str, may_write: bool) -> None:  # noqa: FBT001
    user = f"{role}er"
    kube.run("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}", "-n", namespace)
    kind = "qwen3deployments.serving.qwen3.io"
    # The controller that aggregates runs apart from the API server.
    poll(f"{role} aggregated", lambda: _may(kube, user, namespace, "list", kind), timeout=20)
    assert _may(kube, user, namespace, "create", kind) == may_write
    assert _may(kube, user, namespace, "update", f"{kind}/scale") == may_write
    assert not _may(kube, user, namespace, "patch", f"{kind}/status")
