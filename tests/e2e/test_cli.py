"""``kubectl qwen3`` as kubectl's plugin, beside the operator: the same plan before and after, explained, taken anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.kind import pools
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kube import Kube, Object

    Qwen3 = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture
def qwen3(kube: Kube) -> Qwen3:
    """Runs ``kubectl qwen3`` against the cluster; kubectl finds it beside this Python."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(kube.kubectl), "qwen3", *arguments, "--kubeconfig", str(kube.kubeconfig)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def servers(kube: Kube) -> Iterator[Callable[[list[Object]], None]]:
    """Adds fake servers, which go again after the test."""
    added: list[Object] = []

    def add(nodes: list[Object]) -> None:
        added.extend(nodes)
        pools.apply(kube.command, nodes)

    yield add
    pools.remove(kube.command, added)


def _placed(name: str, namespace: str, **spec: Any) -> Object:
    """A deployment of Qwen3-32B that only has to be placed."""
    model = {"name": "Qwen3-32B", "contextLength": 32768}
    hardware = {"accelerators": ["H100-SXM", "H200-SXM"]}
    engine = {"image": "example.invalid/engine:1"}
    return deployment(
        name, namespace, model=model, hardware=hardware, engine=engine, workload={"concurrency": 1}, **spec
    )


def _written(folder: Path, *objects: Object) -> str:
    path = folder / "cr.yaml"
    path.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return str(path)


def _kept(value: Any) -> Any:
    """As a status is stored: without empty maps and lists."""
    if isinstance(value, dict):
        return {name: _kept(inner) for name, inner in value.items() if inner not in ({}, [])}
    return [_kept(inner) for inner in value] if isinstance(value, list) else value


def test_the_plan_on_the_laptop_is_the_plan_in_the_cluster(
    kube: Kube, namespace: str, qwen3: Qwen3, servers: Callable[[list[Object]], None], tmp_path: Path
) -> None:
    servers(pools.nvidia_h100(1, prefix="cli-h100"))
    asked = _placed("cli", namespace)
    before = qwen3("plan", "-f", _written(tmp_path, asked), "-o", "json")
    assert before.returncode == 0, before.stderr
    kube.apply(asked)
    kube.wait_condition("cli", namespace, "Planned", "True", timeout=30)
    made, told = kube.get("q3d", "cli", namespace)["status"]["plan"], json.loads(before.stdout)["plan"]
    fields = ("model", "summary", "specDigest", "catalogVersion", "placements", "rejected", "rejectedCounts")
    assert _kept({name: told[name] for name in fields}) == {name: made[name] for name in fields}

    kept = qwen3("inventory", "-o", "yaml")
    assert kept.returncode == 0, kept.stderr
    (tmp_path / "inventory.yaml").write_text(kept.stdout, encoding="utf-8")
    more = _written(tmp_path, _placed("more", namespace, replicas=3), _placed("toomany", namespace, replicas=3))
    live = qwen3("plan", "-f", more, "-o", "json")
    assert live.returncode == 3, "eight devices, two promised, six more for the first and none for the second"
    assert (
        qwen3("plan", "-f", more, "-o", "json", "--inventory", str(tmp_path / "inventory.yaml")).stdout == live.stdout
    )


def test_a_deployment_is_explained_and_planned_anew(
    kube: Kube, namespace: str, qwen3: Qwen3, servers: Callable[[list[Object]], None]
) -> None:
    servers(pools.nvidia_h100(1, prefix="cli-h100"))
    kube.apply(_placed("cli", namespace, replicas=1))
    kube.wait_condition("cli", namespace, "Planned", "True", timeout=30)
    why = qwen3("explain", "cli", "-n", namespace)
    assert why.returncode == 0, why.stderr
    for words in (f"{namespace}/cli: ", "1 replica of 2 x H100-SXM", "KV cache", "Not taken: ", "Planned"):
        assert words in why.stdout

    servers(pools.nvidia_h200(1, prefix="cli-h200"))
    taken = qwen3("replan", "cli", "-n", namespace)
    assert taken.returncode == 0, taken.stderr
    lines = dict(line.split(": ", 1) for line in taken.stdout.splitlines() if ": " in line)
    assert lines["in force"].startswith("Qwen3-32B BF16 on 2 x H100-SXM")
    assert lines["today"] == lines["planned"]
    assert lines["planned"].startswith("Qwen3-32B BF16 on 1 x H200-SXM")
    (only,) = kube.get("q3d", "cli", namespace)["status"]["plan"]["placements"]
    assert only["accelerator"] == "H200-SXM"
