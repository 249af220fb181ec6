"""Command line of the test cluster: ``python3 -m tests.kind up | down | status | load | check | ...``."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from tests.kind import cache, checks, cluster, docker, machine, registry, tools
from tests.kind.steps import StepError, Steps, output

if TYPE_CHECKING:
    from collections.abc import Callable


def _up(arguments: argparse.Namespace, steps: Steps) -> None:
    made = machine.up(arguments.name, steps)
    print(f"\n{steps.table()}\n\nexport KUBECONFIG={made.kubeconfig}")


def _down(arguments: argparse.Namespace, steps: Steps) -> None:
    if not docker.running():
        docker.check_access()
        print("no Docker daemon answers: nothing runs")
        return
    with steps.step(f"delete cluster {arguments.name}") as step:
        cluster.down(cluster.Cluster(arguments.name), step)
    if not cluster.others(arguments.name):
        with steps.step("remove the local registry") as step:
            registry.remove(step)
    if arguments.all:
        with steps.step("stop docker") as step:
            docker.stop(step)


def _status(arguments: argparse.Namespace, _: Steps) -> None:
    print(f"cache: {cache.root()}")
    if not docker.running():
        print("docker: does not answer")
        return
    found = cluster.Cluster(arguments.name)
    print(f"docker: answers\nlocal registry: {docker.container_state(registry.CONTAINER) or 'none'}")
    print(f"nodes: {found.nodes() or 'none'}")
    if found.kubeconfig.exists() and found.answers():
        print(f"kubeconfig: {found.kubeconfig}\n{output(found.kubectl('get', 'nodes'))}")


def _load(arguments: argparse.Namespace, steps: Steps) -> None:
    for image in arguments.images:
        with steps.step(f"load {image}") as step:
            name = registry.push(image, step)
            step.note = f"pods use {name}"


def _tools(_: argparse.Namespace, __: Steps) -> None:
    for name in ("kubectl", "helm", "kind", "kwok"):
        try:
            print(f"{name} {tools.path(name)}")
        except StepError as error:
            print(f"{name} missing: {error}")


def _base_image(_: argparse.Namespace, steps: Steps) -> None:
    with redirect_stdout(sys.stderr):
        name = machine.base_image(steps)
    print(name)


def _check(arguments: argparse.Namespace, steps: Steps) -> None:
    checks.run(machine.existing(arguments.name), steps)
    print(f"\n{steps.table()}")


def _clean_cache(_: argparse.Namespace, steps: Steps) -> None:
    if docker.running() and docker.container_state(registry.CONTAINER):
        raise StepError("the local registry runs out of the cache: `python3 -m tests.kind down` first")
    with steps.step(f"remove {cache.root()}"):
        cache.remove()


def main() -> int:
    """Parse the command line, run one command; 1 when a step failed."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.kind", description=__doc__)
    parser.add_argument("--name", default="q3", help="the cluster's name")
    commands = parser.add_subparsers(required=True, metavar="command")
    table: tuple[tuple[str, str, Callable[[argparse.Namespace, Steps], None]], ...] = (
        ("up", "make the cluster exist, whatever state the machine is in", _up),
        ("down", "remove the cluster and the local registry", _down),
        ("status", "what runs, and where the kubeconfig lies", _status),
        ("load", "put images of docker into the local registry, for pods", _load),
        ("tools", "where kubectl, helm, kind and kwok lie", _tools),
        ("base-image", "print what to pass as BASE_IMAGE to docker build", _base_image),
        ("check", "prove DNS, Services, NetworkPolicy, volumes, KWOK and the registry on the running cluster", _check),
        ("clean-cache", "remove everything that was downloaded or built", _clean_cache),
    )
    for name, summary, function in table:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(function=function)
        command.add_argument("--name", default=argparse.SUPPRESS, help="the cluster's name")
        if name == "load":
            command.add_argument("images", nargs="+")
        if name == "down":
            command.add_argument("--all", action="store_true", help="also stop the Docker daemon that `up` started")
    arguments = parser.parse_args()
    try:
        arguments.function(arguments, Steps())
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
