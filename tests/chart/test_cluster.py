"""The chart's objects on a real API server: accepted, admitted, and the rights really are what the rules say."""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.chart.chart import CHART, Helm, workload
from tests.chart.schemas import FOREIGN_CRDS
from tests.kube import KubectlError, poll
from tests.objects import namespace_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.chart import Object
    from tests.kube import Kube

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def namespace(kube: Kube) -> Iterator[str]:
    """One namespace under Pod Security "restricted" for all tests of this file."""
    name = f"chart-{os.getpid()}"
    kube.apply(namespace_object(name))
    yield name
    kube.run("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def foreign_crds(kube: Kube) -> Iterator[None]:
    """PodMonitor and Certificate, unless the cluster has them."""
    named = {json.loads(path.read_text())["metadata"]["name"]: path for path in FOREIGN_CRDS.values()}
    missing = {name: path for name, path in named.items() if not kube.find("crd", name)}
    for name, path in missing.items():
        kube.run("create", "-f", str(path))
        kube.run("wait", "--for=condition=Established", f"crd/{name}")
    yield
    for path in missing.values():
        kube.run("delete", "-f", str(path))


@pytest.mark.usefixtures("foreign_crds")
def test_api_server_accepts_every_object(helm: Helm, kube: Kube, namespace: str, ci_values: Object) -> None:
    if "watchNamespaces" in ci_values:
        ci_values = {**ci_values, "watchNamespaces": [namespace]}
    objects = helm.render(ci_values, release="accepted", namespace=namespace)
    answer = kube.apply(*objects, server_dry_run=True)
    assert answer.count("serverside-applied (server dry run)") == len(objects)


def test_pod_is_admitted_under_restricted(helm: Helm, kube: Kube, namespace: str) -> None:
    kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "admitted", "namespace": namespace}})
    objects = helm.render({"serviceAccount": {"name": "admitted"}}, namespace=namespace)
    spec = workload(objects)["spec"]["template"]["spec"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "admitted", "namespace": namespace}, "spec": spec}
    assert "serverside-applied" in kube.apply(pod, server_dry_run=True)
    del spec["securityContext"]["seccompProfile"]
    with pytest.raises(KubectlError, match="violates PodSecurity"):
        kube.apply(pod, server_dry_run=True)


Question = tuple[str, str, str, str]
"""Verb, API group, resource (with subresource), name; "" stands for any."""


def _allowed(kube: Kube, user: str, namespace: str, *questions: Question) -> set[Question]:
    """Those questions that the API server's authorizer answers with yes; namespace "" stands for all."""
    reviews = []
    for verb, group, resource, name in questions:
        kind, _, subresource = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": kind, "subresource": subresource, "name": name}
        reviews.append(
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {"user": user, "resourceAttributes": {**attributes, "namespace": namespace}},
            }
        )
    verdicts = kube.run(
        "create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}', stdin=yaml.safe_dump_all(reviews)
    ).split()  # fmt: skip
    return {question for question, verdict in zip(questions, verdicts, strict=True) if verdict == "true"}


@pytest.fixture(scope="module")
def scoped(cluster_helm: Helm, namespace: str) -> Iterator[str]:
    """A release without pods that watches its own namespace alone; yields its account."""
    settings = ("--set", "crds.enabled=false,replicas=0", "--set", f"watchNamespaces={{{namespace}}}")
    cluster_helm.run("install", "scoped", str(CHART), "-n", namespace, *settings)
    yield f"system:serviceaccount:{namespace}:scoped-qwen3-operator"
    cluster_helm.run("uninstall", "scoped", "-n", namespace)


GROUP, KIND = "serving.qwen3.io", "qwen3deployments"
EVERYWHERE: set[Question] = {("list", "", "nodes", ""), ("watch", "", "pods", "")}
HERE: set[Question] = {
    ("watch", GROUP, KIND, ""),
    ("patch", GROUP, f"{KIND}/status", ""),
    ("create", "apps", "deployments", ""),
    ("patch", "", "services", ""),
    ("delete", "networking.k8s.io", "networkpolicies", ""),
    ("create", "events.k8s.io", "events", ""),
    ("create", "coordination.k8s.io", "leases", ""),
    ("update", "coordination.k8s.io", "leases", "scoped-qwen3-operator"),
    ("patch", "", "secrets", "scoped-qwen3-operator-admission"),
    ("create", "", "secrets", "scoped-qwen3-operator-admission"),
}
NOWHERE: set[Question] = {
    ("get", "", "secrets", ""),
    ("get", "", "secrets", "another"),
    ("create", "", "secrets", ""),
    ("patch", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "another"),
    ("create", "", "pods", ""),
    ("create", "", "pods/exec", ""),
    ("update", GROUP, KIND, ""),
    ("update", "coordination.k8s.io", "leases", "another"),
    ("create", "rbac.authorization.k8s.io", "rolebindings", ""),
}


def test_rights_end_at_the_watched_namespace(kube: Kube, namespace: str, scoped: str) -> None:
    questions = [*EVERYWHERE, *HERE, *NOWHERE]
    assert _allowed(kube, scoped, namespace, *questions) == EVERYWHERE | HERE
    assert _allowed(kube, scoped, "default", *questions) == EVERYWHERE
    assert _allowed(kube, scoped, "", *questions) == EVERYWHERE


@pytest.mark.usefixtures("scoped")
def test_users_of_the_clusters_own_roles(kube: Kube, namespace: str) -> None:
    read: set[Question] = {("list", GROUP, KIND, ""), ("get", GROUP, f"{KIND}/status", "")}
    write: set[Question] = {
        ("create", GROUP, KIND, ""),
        ("delete", GROUP, KIND, ""),
        ("update", GROUP, f"{KIND}/scale", ""),
    }
    questions = [*read, *write, ("patch", GROUP, f"{KIND}/status", "")]
    for role, expected in (("view", read), ("edit", read | write), ("admin", read | write)):
        kube.run("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}er", "-n", namespace)
        # The controller that aggregates runs apart from the API server.
        poll(f"{role} aggregated", functools.partial(_allowed, kube, f"{role}er", namespace, *read), timeout=60)
        assert _allowed(kube, f"{role}er", namespace, *questions) == expected, role
