from __future__ import annotations

from typing import Any

import pytest

from qwen3_operator.inventory.quantity import amount, millicores, quantity
from qwen3_operator.inventory.requests import occupies, pod_requests


@pytest.mark.parametrize(
    ("text", "millis"), [("1", 1000), ("500m", 500), ("0.1", 100), ("2.5", 2500), ("1k", 1_000_000), (2, 2000)]
)
def test_cpu(text: str | int, millis: int) -> None:
    assert millicores(text) == millis


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("264212084Ki", 264_212_084 << 10),
        ("1Gi", 1 << 30),
        ("1G", 10**9),
        ("128974848", 128_974_848),
        ("129e6", 129_000_000),
        ("123Mi", 123 << 20),
        ("8", 8),
        ("1500m", 2),
        ("0", 0),
        ("1E", 10**18),
        ("2Ei", 2 << 60),
    ],
)
def test_bytes(text: str, count: int) -> None:
    assert amount(text) == count


@pytest.mark.parametrize(
    ("suffix", "factor"),
    [(suffix, 1000**power) for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))]
    + [(f"{suffix}i", 1024**power) for power, suffix in enumerate("KMGTPE", start=1)],
)
def test_every_suffix(suffix: str, factor: int) -> None:
    assert amount(f"3{suffix}") == 3 * factor


@pytest.mark.parametrize("text", ["", "abc", "1Xi", "Gi", "1 Gi x"])
def test_not_a_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        quantity(text)


def _container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


def _cpu(**spec: Any) -> int:
    return pod_requests({"spec": spec})["cpu"]


def test_containers_add_up() -> None:
    assert _cpu(containers=[_container("1"), _container("500m"), {}]) == 1500


def test_the_larger_of_starting_and_running_counts() -> None:
    assert _cpu(containers=[_container("1")], initContainers=[_container("3"), _container("2")]) == 3000
    assert _cpu(containers=[_container("4")], initContainers=[_container("3")]) == 4000


def test_sidecars_run_beside_everything_after_them() -> None:
    sidecar = _container("1", restartPolicy="Always")
    assert _cpu(containers=[_container("2")], initContainers=[sidecar]) == 3000
    # The init container after the sidecar needs 5 beside its 1; the one before it only 5.
    assert _cpu(containers=[_container("2")], initContainers=[sidecar, _container("5")]) == 6000
    assert _cpu(containers=[_container("2")], initContainers=[_container("5"), sidecar]) == 5000


def test_overhead_comes_on_top_and_pod_level_requests_replace() -> None:
    containers = [_container("1")]
    assert _cpu(containers=containers, overhead={"cpu": "250m"}) == 1250
    assert _cpu(containers=containers, resources={"requests": {"cpu": "4"}}) == 4000
    assert _cpu(containers=containers, resources={"requests": {"cpu": "4"}}, overhead={"cpu": "1"}) == 5000


def test_a_limit_alone_is_a_request() -> None:
    limited = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}
    assert pod_requests({"spec": {"containers": [limited]}})["nvidia.com/gpu"] == 2


@pytest.mark.parametrize(
    ("phase", "node", "taken"),
    [
        ("Running", "n", True),
        ("Pending", "n", True),
        ("Pending", "", False),
        ("Succeeded", "n", False),
        ("Failed", "n", False),
    ],
)
def test_only_bound_and_unfinished_pods_occupy(phase: str, node: str, taken: bool) -> None:  # noqa: FBT001
    assert occupies({"spec": {"nodeName": node}, "status": {"phase": phase}}) is taken
