"""prometheus-adapter on a test cluster, with the rule that docs/scaling.md gives: what a real HPA reads from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import cache, gobuild, images, registry
from tests.kind.steps import Steps
from tests.kind.versions import GoTool

if TYPE_CHECKING:
    from tests.kube import Kube, Object

VERSION = "v0.12.0"
ADAPTER = GoTool("prometheus-adapter", VERSION, {"prometheus-adapter": "sigs.k8s.io/prometheus-adapter/cmd/adapter"})
IMAGE = f"prometheus-adapter:{VERSION}"
NAME = NAMESPACE = "prometheus-adapter"
PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
RULES = re.compile(r"```yaml\n(externalRules:.*?)```", re.DOTALL)


def _image() -> str:
    """As the nodes pull it; built where no registry is in reach."""
    if registry.public_in_reach():
        return f"registry.k8s.io/prometheus-adapter/prometheus-adapter:{VERSION}"
    if not registry.holds(IMAGE):
        with Steps().step(f"image {NAME}") as step:
            gobuild.build(ADAPTER, step)
            program = gobuild.binaries(ADAPTER) / NAME
            images.build_program_image(images.ProgramImage(IMAGE, program, "/adapter"), step)
            registry.push(IMAGE, step)
    return registry.reference(IMAGE)


def _configuration() -> Object:
    """The page's rule, as a ConfigMap."""
    found = RULES.search(PAGE.read_text())
    assert found, f"{PAGE} has no block of externalRules"
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": found[1]}}


def _manifest(prometheus_url: str) -> str:
    text = (cache.FILES / "prometheus-adapter.yaml").read_text()
    return text.replace("ADAPTER_IMAGE", _image()).replace("PROMETHEUS_URL", prometheus_url)


def install(kube: Kube, prometheus_url: str) -> None:
    """Returns when the API server lists its API."""
    kube.run("apply", "--server-side", "-f", "-", stdin=_manifest(prometheus_url))
    kube.apply(_configuration())
    kube.run("rollout", "status", f"deployment/{NAME}", "-n", NAMESPACE, "--timeout=120s", timeout=130)
    kube.run("wait", "apiservice/v1beta1.external.metrics.k8s.io", "--for=condition=Available", "--timeout=60s")


def uninstall(kube: Kube) -> None:
    """All of it: an API that nobody answers would hold up the removal of every namespace."""
    kube.run("delete", "-f", "-", "--ignore-not-found", stdin=_manifest("http://gone"), timeout=120)
