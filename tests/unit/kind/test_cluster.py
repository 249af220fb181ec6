"""Whose cluster it is, and which one is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kind import cluster, machine, nodeimage, registry
from tests.kind.cluster import Cluster
from tests.kind.steps import StepError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BUILT = "qwen3-serving/kind-node:v1"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QWEN3_CACHE", str(tmp_path))
    monkeypatch.setattr(nodeimage, "name", lambda: BUILT)
    return tmp_path


@pytest.fixture
def nodes_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes docker say that one node mounts its certs.d from a folder."""

    def pretend(folder: str) -> None:
        monkeypatch.setattr(Cluster, "nodes", lambda _: {"q3-worker": "running"})
        monkeypatch.setattr(cluster, "output", lambda *_: f"{folder}\n")

    return pretend


def test_a_cluster_of_this_cache_is_ours(nodes_of: Callable[[str], None]) -> None:
    nodes_of(str(registry.certs_folder()))
    Cluster("q3").check_owner()


def test_a_cluster_of_another_user_is_never_replaced(nodes_of: Callable[[str], None]) -> None:
    nodes_of("/home/ana/.cache/qwen3-serving/certs.d")
    with pytest.raises(StepError, match=r"was made out of /home/ana/\.cache/qwen3-serving.*CLUSTER=NAME"):
        Cluster("q3").check_owner()


def test_nor_is_one_that_somebody_made_with_kind(nodes_of: Callable[[str], None]) -> None:
    nodes_of("")
    with pytest.raises(StepError, match="was not made by this project"):
        Cluster("q3").check_owner()


@pytest.mark.parametrize(("there", "wanted"), [(BUILT, ""), ("", BUILT)], ids=["registry comes", "registry goes"])
def test_a_cluster_outlives_that_a_registry_comes_or_goes(
    there: str, wanted: str, nodes_of: Callable[[str], None]
) -> None:
    nodes_of("")
    made = Cluster("q3", there)
    made.mark.write_text(made.identity)
    assert machine.kept(Cluster("q3", wanted)) == made


def test_a_cluster_whose_nodes_are_gone_is_made_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "nodes", lambda _: {})
    made = Cluster("q3", BUILT)
    made.mark.write_text(made.identity)
    assert machine.kept(Cluster("q3")) == Cluster("q3")
