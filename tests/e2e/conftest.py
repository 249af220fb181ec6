"""Fixtures of the end-to-end tests: the installed operator and a served tiny model."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import openai
import pytest

from tests.conftest import make_namespace, remove_namespace
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube

SERVED = "served"


@pytest.fixture(scope="session", autouse=True)
def operator(kube: Kube) -> None:
    """The operator that `make platform` installed is up."""
    kube.run("-n", "qwen3-system", "rollout", "status", "deployment", "--timeout=120s", timeout=130)


@pytest.fixture(scope="session")
def served(kube: Kube, platform: dict[str, str]) -> Iterator[str]:
    """Namespace with a ready Qwen3Deployment called ``served``."""
    name = "served"
    make_namespace(kube, name, platform["modelFolder"])
    kube.apply(deployment(SERVED, name))
    kube.wait_condition(SERVED, name, "Ready", "True")
    yield name
    remove_namespace(kube, name)


@contextlib.contextmanager
def openai_client(kube: Kube, name: str, namespace: str) -> Iterator[openai.OpenAI]:
    """The official client in front of the deployment's Service."""
    with (
        kube.forward(f"service/{name}", namespace, 80) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def client(kube: Kube, served: str) -> Iterator[openai.OpenAI]:
    """The official client in front of ``served``."""
    with openai_client(kube, SERVED, served) as connected:
        yield connected
