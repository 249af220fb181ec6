"""Container registries: whether a public one is in reach, and the local one that feeds the nodes."""

from __future__ import annotations

import functools
import os
import time
import urllib.request
from typing import TYPE_CHECKING

from tests.kind import cache, docker, images
from tests.kind.steps import StepError, output, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kind.steps import Step

PROBE_IMAGE, PROBE_SECONDS = "hello-world", 15
CONTAINER = "qwen3-registry"
PORT = 5001
START_SECONDS = 60
QUIET = "OTEL_TRACES_EXPORTER=none"
HOST = f"localhost:{PORT}"
NETWORK = "kind"


@functools.cache
def public_in_reach() -> bool:
    """Whether images can be pulled, asked once per run, by pulling a very small one; or whether this one once could.

    So a later run without a network goes on with what was pulled, instead of building it all.
    """
    return docker.has_image(PROBE_IMAGE) or succeeds(docker.docker("pull", "-q", PROBE_IMAGE), timeout=PROBE_SECONDS)


def certs_folder() -> Path:
    """containerd's certs.d for the nodes: ``localhost:5001`` in an image name means the registry container."""
    folder = cache.folder("certs.d", HOST)
    url = f"http://{CONTAINER}:5000"
    (folder / "hosts.toml").write_text(f'server = "{url}"\n[host."{url}"]\ncapabilities = ["pull", "resolve"]\n')
    return folder.parent


def start(step: Step) -> None:
    """Run the local registry; its layers live in the cache, so they outlive docker's own state."""
    state = docker.container_state(CONTAINER)
    if state == "running":
        step.note = "already running"
        return
    if state:
        step.run(docker.docker("rm", "-f", CONTAINER))
    if not public_in_reach():
        images.make_registry_image(step)
    volume = f"{cache.folder('registry')}:/var/lib/registry"
    ports = f"127.0.0.1:{PORT}:5000"
    # As this user, who can then remove the cache without root.
    flags = ("-d", "--restart", "always", "--user", f"{os.getuid()}:{os.getgid()}", "-e", QUIET)
    step.run(docker.docker("run", *flags, "--name", CONTAINER, "-p", ports, "-v", volume, images.REGISTRY_IMAGE))
    deadline = time.monotonic() + START_SECONDS
    while not _answers():
        if time.monotonic() > deadline:
            step.run(docker.docker("logs", "--tail", "20", CONTAINER))
            raise StepError(f"the local registry does not answer; log {step.log}")
        time.sleep(0.2)


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}/v2/", timeout=2):
            return True
    except OSError:
        return False


def join_network(step: Step) -> None:
    """Let the nodes reach the registry by its container name; kind makes the network with its first cluster."""
    form = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"
    if NETWORK not in output(docker.docker("container", "inspect", "-f", form, CONTAINER)).split():
        step.run(docker.docker("network", "connect", NETWORK, CONTAINER))


def reference(image: str) -> str:
    """The name under which pods ask for an image that ``push`` has stored."""
    return image if image.startswith(f"{HOST}/") else f"{HOST}/{image}"


def provide(image: str, step: Step) -> None:
    """Pull an image that docker does not have yet."""
    if not docker.has_image(image):
        step.run(docker.docker("pull", image))


def push(image: str, step: Step) -> str:
    """Store an image in the local registry, layers that it has already excepted; returns the name for pods."""
    if not docker.has_image(image):
        raise StepError(f"docker has no image {image}")
    name = reference(image)
    if name != image:
        step.run(docker.docker("tag", image, name))
    step.run(docker.docker("push", name))
    return name


def holds(image: str) -> bool:
    """Whether nodes can pull this image, so that it needs neither building nor pushing."""
    repository, _, tag = reference(image).removeprefix(f"{HOST}/").rpartition(":")
    request = urllib.request.Request(f"http://{HOST}/v2/{repository}/manifests/{tag}", method="HEAD")
    request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - a constant host
            return True
    except OSError:
        return False


def remove(step: Step) -> None:
    """Remove the registry container and the network that kind never removes; the layers stay in the cache."""
    if docker.container_state(CONTAINER):
        step.run(docker.docker("rm", "-f", CONTAINER))
    if not succeeds(docker.docker("network", "rm", NETWORK)):
        step.note = f"network {NETWORK} is absent, or used by others"
