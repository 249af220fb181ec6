"""From whatever this machine has to everything a cluster needs: docker, programs, images, the local registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kind import cache, cluster, docker, gobuild, nodeimage, registry, rootfs, tools, versions
from tests.kind.steps import StepError

if TYPE_CHECKING:
    from tests.kind.steps import Steps

PULLED_BASE_IMAGE = "python:3.11-slim"


def up(name: str, steps: Steps) -> cluster.Cluster:
    """Bring up the cluster ``name``; quick where it is up already."""
    with cache.locked():
        provide_docker(steps)
        cluster.Cluster(name).check_owner()
        made = kept(cluster.Cluster(name, prepare(steps)))
        cluster.up(made, steps)
    return made


def kept(wanted: cluster.Cluster) -> cluster.Cluster:
    """The cluster that is there, even if made on the other path, as a registry may come and go; else the wanted one."""
    either = (wanted, cluster.Cluster(wanted.name), cluster.Cluster(wanted.name, nodeimage.name()))
    return next((made for made in either if made.finished and made.nodes()), wanted)


def prepare(steps: Steps) -> str:
    """Everything between Docker and a cluster; returns the node image's name, empty where kind pulls its own."""
    with steps.step("container registry in reach?") as step:
        reachable = registry.public_in_reach()
        step.note = "yes, pulling images" if reachable else "no, building what cannot be pulled"
    if reachable:
        tools.provide_from_path(steps)
    else:
        _prepare_without_registry(steps)
    with steps.step("local registry") as step:
        registry.start(step)
    return "" if reachable else nodeimage.name()


def _prepare_without_registry(steps: Steps) -> None:
    tools.provide_helm(steps)
    needed = (versions.KUBERNETES_TOOLS, *versions.HOST_TOOLS, versions.PROMETHEUS)
    if nodeimage.cached() and all(gobuild.binaries(tool).is_dir() for tool in needed):
        with steps.step("node image") as step:
            nodeimage.load(step)
        return
    rootfs.check_rights()
    binaries, rootfs_tag = tools.build_all(steps)
    with steps.step("node image") as step:
        if nodeimage.cached():
            nodeimage.load(step)
        else:
            nodeimage.build(binaries, rootfs_tag, step)
    with steps.step("remove build caches"):
        cache.remove(gobuild.CACHES)


def provide_docker(steps: Steps) -> None:
    """A Docker daemon that answers."""
    with steps.step("docker") as step:
        docker.start(step)


def base_image(steps: Steps) -> str:
    """What a Dockerfile of the project starts from: python:3.11-slim, or Debian's Python where that cannot be had."""
    provide_docker(steps)
    if registry.public_in_reach():
        return PULLED_BASE_IMAGE
    return tools.make_rootfs(rootfs.PYTHON, steps)


def existing(name: str) -> cluster.Cluster:
    """The cluster that ``up`` made."""
    found = kept(cluster.Cluster(name))
    if not (found.kubeconfig.exists() and found.answers()):
        raise StepError(f"cluster {name} does not answer: `python3 -m tests.kind up --name {name}` makes it")
    return found
