"""Fixtures of the shared cluster. `make platform` makes what they need; they only find it."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.kube import Kube, poll
from tests.objects import namespace_object, weights_claim, weights_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count(1)

# What an example takes says more of the machine than of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """Administrator's kubeconfig of the test cluster."""
    named = os.environ.get("QWEN3_TEST_KUBECONFIG", "")
    if not named or not Path(named).is_file():
        pytest.fail(f"QWEN3_TEST_KUBECONFIG={named!r} names no file: `make platform` makes the cluster and the file")
    return Path(named)


@pytest.fixture(scope="session")
def platform(kubeconfig: Path) -> dict[str, str]:
    """What `make platform` made: image references, tool paths, the model's folder name."""
    made: dict[str, str] = json.loads((kubeconfig.parent / "platform.json").read_text())
    return made


@pytest.fixture(scope="session")
def operator_image(platform: dict[str, str]) -> str:
    """The operator's image, as the cluster's nodes pull it."""
    return platform["operatorImage"]


@pytest.fixture(scope="session")
def kube(kubeconfig: Path, platform: dict[str, str]) -> Kube:
    """kubectl as administrator."""
    return Kube(kubeconfig, Path(platform["kubectl"]))


@pytest.fixture(scope="module")
def leaving(kube: Kube) -> Iterator[list[str]]:
    """Namespaces whose removal has begun. The next test need not wait; at the module's end nothing may be left."""
    names: list[str] = []
    yield names
    for name in names:
        _wait_until_gone(kube, name)


@pytest.fixture
def namespace(
    kube: Kube, platform: dict[str, str], leaving: list[str], request: pytest.FixtureRequest
) -> Iterator[str]:
    """A namespace under Pod Security "restricted" with the tiny model on the claim ``weights``."""
    stem = request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:30].rstrip("-")
    name = f"{stem}-{os.getpid()}-{next(_numbers)}"
    make_namespace(kube, name, platform["modelFolder"])
    yield name
    _begin_removal(kube, name)
    leaving.append(name)


def make_namespace(kube: Kube, name: str, model_folder: str) -> None:
    """Namespace, volume and claim."""
    kube.apply(namespace_object(name))
    kube.apply(weights_volume(name, model_folder), weights_claim(name))


def remove_namespace(kube: Kube, name: str) -> None:
    """Everything of `make_namespace`, and nothing may hold it up."""
    _begin_removal(kube, name)
    _wait_until_gone(kube, name)


def _begin_removal(kube: Kube, name: str) -> None:
    """Pods first: engines end before the next test starts its own, and the namespace goes without waiting for them.

    Its controller would wait for half of the longest grace period that it meets.
    """
    kube.run("delete", "q3d", "--all", "-n", name, "--wait=false")
    # Its pods follow it. Deleted before their ReplicaSet they would be replaced by new ones.
    kube.run("delete", "pods", "-l", "app.kubernetes.io/managed-by!=qwen3-operator", "-n", name, "--wait=false")
    poll(f"pods of {name} gone", lambda: kube.list("pods", name) == [], timeout=120, interval=0.5)
    kube.run("delete", "namespace", name, "--wait=false")
    kube.run("delete", "persistentvolume", name, "--ignore-not-found", "--wait=false")


def _wait_until_gone(kube: Kube, name: str) -> None:
    poll(f"namespace {name} gone", lambda: kube.find("namespace", name) is None, timeout=150, interval=1)
    poll(f"volume {name} gone", lambda: kube.find("persistentvolume", name) is None, timeout=60, interval=1)
