"""What every cluster gets: a pod network where kind has none to offer, and KWOK for fake nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kind import docker, images
from tests.kind.steps import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kind.steps import Step

    Kubectl = Callable[..., list[str]]

WAIT = "--timeout=180s"


def manifest(name: str) -> str:
    """One of the manifests in ``files``, with its image names."""
    text = (docker.FILES / name).read_text()
    return text.replace("KUBE_ROUTER_IMAGE", images.KUBE_ROUTER_IMAGE).replace("KWOK_IMAGE", images.KWOK_IMAGE)


def apply(kubectl: Kubectl, *, own_cni: bool, step: Step) -> None:
    """Apply all add-ons; safe to repeat."""
    stages = ("create", "configmap", "kwok-stages", "-n", "kube-system", "--dry-run=client", "-o", "yaml")
    rendered = output(kubectl(*stages, f"--from-file=stages.yaml={docker.FILES / 'kwok-stages.yaml'}"))
    parts = [rendered, manifest("kwok.yaml"), *([manifest("kube-router.yaml")] if own_cni else [])]
    step.run(kubectl("apply", "--server-side", "-f", "-"), stdin="\n---\n".join(parts))


def wait(kubectl: Kubectl, *, own_cni: bool, step: Step) -> None:
    """Wait until pods can run, find each other by name and be kept apart by policy."""
    if own_cni:
        step.run(kubectl("rollout", "status", "-n", "kube-system", "daemonset/kube-router", WAIT))
    step.run(kubectl("wait", "nodes", "-l", "type!=kwok", "--for=condition=Ready", WAIT))
    for deployment in ("coredns", "kwok"):
        step.run(kubectl("rollout", "status", "-n", "kube-system", f"deployment/{deployment}", WAIT))
