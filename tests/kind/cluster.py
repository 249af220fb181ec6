"""Creates, resumes and removes a kind cluster; afterwards nothing depends on where its images came from."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import addons, cache, docker, registry, tools
from tests.kind.steps import StepError, output, succeeds

if TYPE_CHECKING:
    from tests.kind.steps import Step, Steps

RESUME_SECONDS = 90
CERTS = "/etc/containerd/certs.d"
# Fake nodes carry the label type=kwok (pools.py).
REAL_NODES = "type!=kwok"


@dataclass(frozen=True)
class Cluster:
    """A cluster by name; ``node_image`` is empty where kind's own default is pulled."""

    name: str
    node_image: str = ""

    @property
    def folder(self) -> Path:
        """Kubeconfig, kind's configuration and the mark of a finished creation."""
        return cache.folder("clusters", self.name)

    @property
    def kubeconfig(self) -> Path:
        """Never the user's own file."""
        return self.folder / "kubeconfig"

    @property
    def config(self) -> str:
        """kind's configuration with this machine's paths."""
        text = (cache.FILES / "cluster.yaml").read_text()
        values = {
            "NAME": self.name,
            "DISABLE_DEFAULT_CNI": json.dumps(bool(self.node_image)),
            "CERTS": str(registry.certs_folder()),
            "MODELS": str(models_folder()),
        }
        for word, value in values.items():
            text = text.replace(f": {word}", f": {value}")
        return text

    @property
    def identity(self) -> str:
        """Changes when a cluster has to be made anew."""
        return hashlib.sha256(f"{self.node_image}\n{self.config}".encode()).hexdigest()

    @property
    def mark(self) -> Path:
        """Written last; a cluster without it is half-built."""
        return self.folder / "identity"

    def kubectl(self, *words: str | Path) -> list[str]:
        """A kubectl command line against this cluster."""
        return [str(tools.path("kubectl")), "--kubeconfig", str(self.kubeconfig), *(str(word) for word in words)]

    def nodes(self) -> dict[str, str]:
        """Node containers and their state (``running``, ``exited``)."""
        flags = ("--filter", f"label=io.x-k8s.kind.cluster={self.name}", "--format", "{{.Names}} {{.State}}")
        return dict(line.split() for line in output(docker.docker("ps", "-a", *flags)).splitlines())

    @property
    def finished(self) -> bool:
        """Whether a cluster of exactly this make was completed, by this cache."""
        return self.mark.exists() and self.mark.read_text() == self.identity

    def check_owner(self) -> None:
        """Raise StepError where the nodes of this name were made out of another cache, mostly by another user."""
        form = f'{{{{range .Mounts}}}}{{{{if eq .Destination "{CERTS}"}}}}{{{{.Source}}}}{{{{end}}}}{{{{end}}}}'
        for node in self.nodes():
            source = output(docker.docker("container", "inspect", "-f", form, node)).strip()
            if source != str(registry.certs_folder()):
                owner = f"was made out of {Path(source).parent}" if source else "was not made by this project"
                raise StepError(
                    f"the cluster {self.name} of this machine {owner}, and the cache here is {cache.root()}: "
                    f"left as it is. Another name makes one of your own: `make demo CLUSTER=NAME`"
                )

    def answers(self) -> bool:
        """Whether the API server is ready."""
        return succeeds(self.kubectl("get", "--raw", "/readyz", "--request-timeout=5s"), timeout=10)


def models_folder() -> Path:
    """The host's folder that every worker sees as /var/lib/qwen3-models."""
    return cache.folder("models")


def up(cluster: Cluster, steps: Steps) -> None:
    """Make the cluster exist and be usable: leave, resume or (re)create it, whatever its state asks for."""
    states = cluster.nodes()
    if cluster.finished and states and _resume(cluster, states, steps):
        return
    cluster.mark.unlink(missing_ok=True)
    with steps.step(f"create cluster {cluster.name}") as step:
        _create(cluster, step)
    with steps.step("cluster add-ons") as step:
        addons.apply(cluster.kubectl, own_cni=bool(cluster.node_image), step=step)
    with steps.step("nodes, DNS and network ready") as step:
        addons.wait(cluster.kubectl, own_cni=bool(cluster.node_image), step=step)
    cluster.mark.write_text(cluster.identity)


def _create(cluster: Cluster, step: Step) -> None:
    kind = tools.path("kind")
    step.run([kind, "delete", "cluster", "--name", cluster.name, "--kubeconfig", cluster.kubeconfig])
    config = cluster.folder / "kind.yaml"
    config.write_text(cluster.config)
    image = ["--image", cluster.node_image] if cluster.node_image else []
    paths: list[str | Path] = ["--config", config, "--kubeconfig", cluster.kubeconfig]
    step.run([kind, "create", "cluster", *paths, *image], timeout=600)
    registry.join_network(step)


def _resume(cluster: Cluster, states: dict[str, str], steps: Steps) -> bool:
    """Use the cluster that is there; False where it cannot be brought back."""
    with steps.step(f"cluster {cluster.name}") as step:
        registry.join_network(step)
        if all(state == "running" for state in states.values()) and cluster.answers():
            step.note = "already there"
            return True
        begun = time.time()
        if not succeeds(docker.docker("start", *sorted(states)), timeout=RESUME_SECONDS):
            step.note = "cannot be started, making it anew"
            return False
        deadline = time.monotonic() + RESUME_SECONDS
        while time.monotonic() < deadline:
            if cluster.answers() and _fresh_leases(cluster, begun) >= len(states):
                addons.wait(cluster.kubectl, own_cni=bool(cluster.node_image), step=step)
                step.note = "restarted its containers"
                return True
            time.sleep(1)
        step.note = "did not come back, making it anew"
        return False


def _fresh_leases(cluster: Cluster, since: float) -> int:
    """How many real kubelets have reported since a time (seconds since 1970)."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))
    form = '{range .items[*]}{.metadata.name}{" "}{.spec.renewTime}{"\\n"}{end}'
    try:
        lines = output(cluster.kubectl("get", "leases", "-n", "kube-node-lease", "-o", f"jsonpath={form}")).splitlines()
        real = output(cluster.kubectl("get", "nodes", "-l", REAL_NODES, "-o", "name")).split()
    except StepError:
        return 0
    renewed = {name for name, _, when in (line.partition(" ") for line in lines) if when > stamp}
    return sum(node.removeprefix("node/") in renewed for node in real)


def down(cluster: Cluster, step: Step) -> None:
    """Remove the cluster and what was kept about it."""
    cluster.check_owner()
    if cluster.nodes():
        step.run([tools.path("kind"), "delete", "cluster", "--name", cluster.name, "--kubeconfig", cluster.kubeconfig])
    shutil.rmtree(cluster.folder)


def others(name: str) -> list[str]:
    """Further kind clusters on this machine, which need the local registry too."""
    form = '{{.Label "io.x-k8s.kind.cluster"}}'
    flags = ("-a", "--filter", "label=io.x-k8s.kind.cluster", "--format", form)
    return sorted(set(output(docker.docker("ps", *flags)).split()) - {name})
