"""The LeaderWorkerSet controller (https://lws.sigs.k8s.io) on a test cluster: its image and its own chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kind import gobuild, images, registry, tools
from tests.kind.steps import Steps, output
from tests.kind.versions import GoTool

if TYPE_CHECKING:
    from tests.kube import Kube

MODULE, VERSION = "sigs.k8s.io/lws", "v0.9.0"
CONTROLLER = GoTool("lws", VERSION, {"lws": f"{MODULE}/cmd"})
IMAGE = f"lws:{VERSION}"
RELEASE = NAMESPACE = "lws-system"
CRDS = ("leaderworkersets.leaderworkerset.x-k8s.io", "disaggregatedsets.disaggregatedset.x-k8s.io")


def _provide() -> tuple[str, str]:
    """The chart, and the controller's image without its tag; both are built where no registry is in reach."""
    if registry.public_in_reach():
        return "oci://registry.k8s.io/lws/charts/lws", "registry.k8s.io/lws/lws"
    if not registry.holds(IMAGE):
        with Steps().step("image lws") as step:
            gobuild.build(CONTROLLER, step)
            program = gobuild.binaries(CONTROLLER) / "lws"
            images.build_program_image(images.ProgramImage(IMAGE, program, "/manager"), step)
            registry.push(IMAGE, step)
    return str(gobuild.module_folder(MODULE, VERSION) / "charts" / "lws"), registry.reference(IMAGE).rsplit(":", 1)[0]


def install(kube: Kube) -> None:
    """Controller, webhooks and CRDs; returns when the controller answers."""
    chart, repository = _provide()
    version = ("--version", VERSION.removeprefix("v")) if chart.startswith("oci:") else ()
    # The chart asks for a whole core, which a small test cluster has not.
    values = (
        f"image.manager.repository={repository}",
        f"image.manager.tag={VERSION}",
        "image.manager.pullPolicy=IfNotPresent",
        "podSecurityContext.runAsUser=65532",
        "resources.requests.cpu=10m",
        "resources.requests.memory=64Mi",
    )
    chosen = [word for value in values for word in ("--set", value)]
    _helm(kube, "upgrade", "--install", RELEASE, chart, *version, "--create-namespace", "--wait", *chosen)


def uninstall(kube: Kube) -> None:
    """Also the CRDs, which helm leaves."""
    _helm(kube, "uninstall", RELEASE, "--ignore-not-found", "--wait")
    kube.run("delete", "crd", "--ignore-not-found", *CRDS)
    kube.run("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=120)


def _helm(kube: Kube, *arguments: str) -> None:
    where = ("--namespace", NAMESPACE, "--kubeconfig", str(kube.kubeconfig), "--timeout", "3m")
    output([tools.path("helm"), *arguments, *where], timeout=200)
