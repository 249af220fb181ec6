"""The chart under test, through the real helm."""

from __future__ import annotations

import copy
import functools
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.kind import tools
from tests.kind.steps import Steps

Object = dict[str, Any]

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "qwen3-operator"
CRDS = REPOSITORY / "crds"
CI_VALUES = sorted(CHART.glob("ci/*-values.yaml"))
RELEASE, NAMESPACE = "qwen3-operator", "qwen3-system"


class HelmError(AssertionError):
    """Helm refused; the text is its own."""


@dataclass(frozen=True)
class Helm:
    """One helm program."""

    program: Path
    kubeconfig: Path | None = None

    def run(self, *args: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Stdout of ``helm ARGS``."""
        cluster = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        done = subprocess.run(
            [str(self.program), *args, *cluster],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise HelmError(done.stdout + done.stderr)
        return done.stdout

    def render(
        self, values: Object, *, chart: Path = CHART, release: str = RELEASE, namespace: str = NAMESPACE
    ) -> list[Object]:
        """Objects of ``helm template``."""
        text = _template(self, chart, release, namespace, yaml.safe_dump(values))
        return copy.deepcopy(_parsed(text))

    def template(self, values: Object) -> str:
        """Text of ``helm template``."""
        return _template(self, CHART, RELEASE, NAMESPACE, yaml.safe_dump(values))

    def notes(self, values: Object) -> str:
        """What a user reads after ``helm install``."""
        answer = self.run(
            "install", RELEASE, str(CHART), "-n", NAMESPACE, "--dry-run=client", "-o", "json", "-f", "-",
            stdin=yaml.safe_dump(values),
        )  # fmt: skip
        return str(json.loads(answer)["info"]["notes"])


def provided() -> Helm:
    """The real helm; fetched where the machine has none."""
    if shutil.which("helm") is None:
        tools.provide_helm(Steps())
    return Helm(tools.path("helm"))


@functools.cache
def _template(helm: Helm, chart: Path, release: str, namespace: str, values: str) -> str:
    return helm.run("template", release, str(chart), "-n", namespace, "-f", "-", stdin=values)


@functools.cache
def _parsed(text: str) -> list[Object]:
    return [found for found in yaml.load_all(text, yaml.CSafeLoader) if found]


def default_values() -> Object:
    """``values.yaml``."""
    values: Object = yaml.safe_load((CHART / "values.yaml").read_text())
    return values


def at(values: Object, path: tuple[str, ...], value: object) -> Object:
    """A copy of ``values`` with ``value`` at ``path``."""
    head, *rest = path
    return {**values, head: at(values.get(head) or {}, tuple(rest), value) if rest else value}


def leaves(values: Object, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of everything that is not a mapping with entries: scalars, lists, empty mappings."""
    found: list[tuple[str, ...]] = []
    for key, value in values.items():
        path = (*above, key)
        found += leaves(value, path) if isinstance(value, dict) and value else [path]
    return found


def lookup(values: Object, path: tuple[str, ...]) -> Any:
    """The value at ``path``."""
    found: Any = values
    for key in path:
        found = found[key]
    return found


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Objects of the kinds, in order."""
    return [found for found in objects if found["kind"] in kinds]


def workload(objects: list[Object], component: str = "operator") -> Object:
    """The Deployment of the operator; the gateway's, which with a ledger is a StatefulSet."""
    found = of_kind(objects, "Deployment", "StatefulSet")
    (deployment,) = [one for one in found if one["metadata"]["labels"]["app.kubernetes.io/component"] == component]
    return deployment


def operator(objects: list[Object]) -> Object:
    """The operator's only container."""
    (container,) = workload(objects)["spec"]["template"]["spec"]["containers"]
    found: Object = container
    return found


def environment(objects: list[Object]) -> dict[str, str]:
    """Environment of the operator's container; the downward API's fields appear by their path."""
    return {
        entry["name"]: entry["value"] if "value" in entry else entry["valueFrom"]["fieldRef"]["fieldPath"]
        for entry in operator(objects)["env"]
    }
