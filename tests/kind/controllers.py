"""Controllers of others on a test cluster: Go modules that bring their own Helm chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.kind import gobuild, images, registry, tools
from tests.kind.steps import Steps, output
from tests.kind.versions import GoTool

if TYPE_CHECKING:
    from tests.kube import Kube


class Controller(NamedTuple):
    """Where one comes from, and what its chart is told."""

    name: str
    """Of its program, release and folder of its chart."""
    module: str
    version: str
    package: str
    public_chart: str
    public_image: str
    image_key: str
    """Value of the chart under which the image's repository, tag and pullPolicy stand."""
    values: tuple[str, ...]
    crds: tuple[str, ...] = ()
    """Those that helm leaves behind."""

    @property
    def namespace(self) -> str:
        """As its own manual calls it."""
        return f"{self.name}-system"

    def _provide(self) -> tuple[str, str]:
        """The chart, and the image without its tag; both are built where no registry is in reach."""
        if registry.public_in_reach():
            return self.public_chart, self.public_image
        image = f"{self.name}:{self.version}"
        if not registry.holds(image):
            with Steps().step(f"image {self.name}") as step:
                tool = GoTool(self.name, self.version, {self.name: self.package})
                gobuild.build(tool, step)
                program = gobuild.binaries(tool) / self.name
                images.build_program_image(images.ProgramImage(image, program, "/manager"), step)
                registry.push(image, step)
        chart = gobuild.module_folder(self.module, self.version) / "charts" / self.name
        return str(chart), registry.reference(image).rsplit(":", 1)[0]

    def install(self, kube: Kube) -> None:
        """Controller, webhooks and CRDs; returns when the controller answers."""
        chart, repository = self._provide()
        version = ("--version", self.version.removeprefix("v")) if chart.startswith("oci:") else ()
        image = {"repository": repository, "tag": self.version, "pullPolicy": "IfNotPresent"}
        values = (*(f"{self.image_key}.{key}={value}" for key, value in image.items()), *self.values)
        chosen = [word for value in values for word in ("--set", value)]
        self._helm(kube, "upgrade", "--install", self.name, chart, *version, "--create-namespace", "--wait", *chosen)

    def uninstall(self, kube: Kube) -> None:
        """All of it."""
        self._helm(kube, "uninstall", self.name, "--ignore-not-found", "--wait")
        if self.crds:
            kube.run("delete", "crd", "--ignore-not-found", *self.crds)
        kube.run("delete", "namespace", self.namespace, "--ignore-not-found", timeout=120)

    def _helm(self, kube: Kube, *arguments: str) -> None:
        where = ("--namespace", self.namespace, "--kubeconfig", str(kube.kubeconfig), "--timeout", "3m")
        output([tools.path("helm"), *arguments, *where], timeout=200)


LEADER_WORKER_SET = Controller(
    name="lws",
    module="sigs.k8s.io/lws",
    version="v0.9.0",
    package="sigs.k8s.io/lws/cmd",
    public_chart="oci://registry.k8s.io/lws/charts/lws",
    public_image="registry.k8s.io/lws/lws",
    image_key="image.manager",
    # The chart asks for a whole core, which a small test cluster has not.
    values=(
        "podSecurityContext.runAsUser=65532",
        "resources.requests.cpu=10m",
        "resources.requests.memory=64Mi",
    ),
    crds=("leaderworkersets.leaderworkerset.x-k8s.io", "disaggregatedsets.disaggregatedset.x-k8s.io"),
)
"""https://lws.sigs.k8s.io"""

KUEUE = Controller(
    name="kueue",
    module="sigs.k8s.io/kueue",
    version="v0.17.0",
    package="sigs.k8s.io/kueue/cmd/kueue",
    public_chart="oci://registry.k8s.io/kueue/charts/kueue",
    public_image="registry.k8s.io/kueue/kueue",
    image_key="controllerManager.manager.image",
    values=(
        "controllerManager.manager.podSecurityContext.runAsUser=65532",
        "controllerManager.manager.resources.requests.cpu=10m",
        "controllerManager.manager.resources.requests.memory=64Mi",
    ),
)
"""https://kueue.sigs.k8s.io"""
