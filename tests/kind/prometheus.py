"""The small Prometheus that the autoscaler reads on the test cluster: its image and its chart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.kind import gobuild, images, registry, tools, versions

if TYPE_CHECKING:
    from tests.kind.cluster import Cluster
    from tests.kind.steps import Step, Steps
    from tests.kube import Kube

RELEASE = "qwen3-prometheus"
CHART = "charts/qwen3-prometheus"
IMAGE = f"qwen3-prometheus:{versions.PROMETHEUS.version}"


def url(namespace: str) -> str:
    """Where the operator reads, with the release in this namespace."""
    return f"http://{RELEASE}.{namespace}:9090"


def provide(steps: Steps) -> str:
    """The image as pods ask for it; empty where the nodes can pull the one that the chart names."""
    if registry.public_in_reach():
        return ""
    if not registry.holds(IMAGE):
        with steps.step(f"image {RELEASE}") as step:
            program = gobuild.binaries(versions.PROMETHEUS) / "prometheus"
            images.build_program_image(images.ProgramImage(IMAGE, program, "/bin/prometheus"), step)
            registry.push(IMAGE, step)
    return registry.reference(IMAGE)


def install(made: Cluster, namespace: str, image: str, step: Step) -> None:
    """The chart; it scrapes engines of all namespaces."""
    where = ("--namespace", namespace, "--kubeconfig", made.kubeconfig, "--wait", "--timeout", "3m")
    chosen = ("--set-string", f"image={image}") if image else ()
    step.run([tools.path("helm"), "upgrade", "--install", RELEASE, CHART, *where, *chosen])


def ask(kube: Kube, namespace: str, path: str, **query: str) -> dict[str, Any]:
    """Data of an answer of its API, through the API server."""
    service = f"/api/v1/namespaces/{namespace}/services/{RELEASE}:9090/proxy/api/v1/{path}?{urlencode(query)}"
    answer: dict[str, Any] = json.loads(kube.run("get", "--raw", service))["data"]
    return answer
