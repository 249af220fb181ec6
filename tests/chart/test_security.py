"""The operator's pod meets the Pod Security Standard "restricted", whatever the values say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chart.chart import RELEASE, Helm, of_kind, operator, workload

if TYPE_CHECKING:
    from tests.chart.chart import Object

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def _pod(helm: Helm, values: Object) -> Object:
    pod: Object = workload(helm.render(values))["spec"]["template"]["spec"]
    return pod


def test_pod_is_restricted(helm: Helm, ci_values: Object) -> None:
    pod = _pod(helm, ci_values)
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers", "ephemeralContainers"} & pod.keys()
    assert all(volume.keys() - {"name"} <= VOLUMES for volume in pod.get("volumes", []))
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context.get("runAsUser", 1) > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context.keys() <= {"runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile"}


def test_container_is_restricted(helm: Helm, ci_values: Object) -> None:
    container = operator(helm.render(ci_values))
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert not any("hostPort" in port for port in container["ports"])
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "http"}


def test_no_secret_is_mounted_or_passed(helm: Helm, ci_values: Object) -> None:
    pod = _pod(helm, ci_values)
    assert "volumes" not in pod
    (container,) = pod["containers"]
    assert "envFrom" not in container
    assert all(entry.get("valueFrom", {}).keys() <= {"fieldRef"} for entry in container["env"])
    objects = helm.render(ci_values)
    filled = [found for found in of_kind(objects, "ConfigMap", "Secret") if {"data", "stringData"} & found.keys()]
    assert {found["metadata"]["name"].removeprefix(RELEASE) for found in filled} <= {"-dashboards"}


def test_openshift_may_assign_the_user(helm: Helm) -> None:
    assert "runAsUser" not in _pod(helm, {"runAsUser": None})["securityContext"]
    assert _pod(helm, {})["securityContext"]["runAsUser"] == 65532
