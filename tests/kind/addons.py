"""What every cluster gets: a pod network where kind has none to offer, and KWOK for fake nodes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.kind import cache, docker, images
from tests.kind.steps import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kind.steps import Step

    Kubectl = Callable[..., list[str]]

CNI_FILE = "/etc/cni/net.d/10-kuberouter.conflist"
WAIT = "--timeout=180s"


def manifest(name: str) -> str:
    """One of the manifests in ``files``, with its image names."""
    text = (cache.FILES / name).read_text()
    return text.replace("KUBE_ROUTER_IMAGE", images.KUBE_ROUTER_IMAGE).replace("KWOK_IMAGE", images.KWOK_IMAGE)


def apply(kubectl: Kubectl, *, own_cni: bool, step: Step) -> None:
    """Apply all add-ons; safe to repeat."""
    stages = ("create", "configmap", "kwok-stages", "-n", "kube-system", "--dry-run=client", "-o", "yaml")
    rendered = output(kubectl(*stages, f"--from-file=stages.yaml={cache.FILES / 'kwok-stages.yaml'}"))
    if own_cni:
        write_cni_configuration(kubectl)
    parts = [rendered, manifest("kwok.yaml"), *([manifest("kube-router.yaml")] if own_cni else [])]
    step.run(kubectl("apply", "--server-side", "-f", "-"), stdin="\n---\n".join(parts))


def cni_configuration(subnet: str) -> str:
    """What kube-router expects to find, completed with the node's subnet."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": subnet}]]}
    bridge = {
        "type": "bridge",
        "name": "kubernetes",
        "bridge": "kube-bridge",
        "isDefaultGateway": True,
        "hairpinMode": True,
    }
    portmap = {"type": "portmap", "capabilities": {"snat": True, "portMappings": True}}
    return json.dumps({"cniVersion": "0.3.0", "name": "mynet", "plugins": [{**bridge, "ipam": ipam}, portmap]})


def write_cni_configuration(kubectl: Kubectl) -> None:
    """Put the pod network's configuration into every node container."""
    form = r'jsonpath={range .items[*]}{.metadata.name}{" "}{.spec.podCIDR}{"\n"}{end}'
    output(kubectl("wait", "nodes", "-l", "type!=kwok", "--for=jsonpath={.spec.podCIDR}", "--timeout=30s"))
    for line in output(kubectl("get", "nodes", "-l", "type!=kwok", "-o", form)).splitlines():
        node, subnet = line.split()
        write = docker.docker("exec", "-i", node, "sh", "-c", f"cat >{CNI_FILE}")
        output(write, stdin=cni_configuration(subnet))


def wait(kubectl: Kubectl, *, own_cni: bool, step: Step) -> None:
    """Wait until pods can run, find each other by name and be kept apart by policy."""
    if own_cni:
        step.run(kubectl("rollout", "status", "-n", "kube-system", "daemonset/kube-router", WAIT))
    step.run(kubectl("wait", "nodes", "-l", "type!=kwok", "--for=condition=Ready", WAIT))
    for deployment in ("coredns", "kwok"):
        step.run(kubectl("rollout", "status", "-n", "kube-system", f"deployment/{deployment}", WAIT))
