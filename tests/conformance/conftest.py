"""One pod per engine for the whole suite, with the tiny model that `make platform` has trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import openai
import pytest

from qwen3_runtime.config import Adapters, Limits, Phase
from tests.conformance.environments import ENVIRONMENTS, Environment, InImage
from tests.engine.places import find_tiny_model
from tests.engine.pod import START_SECONDS, Pod, tiny_config

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(2 * START_SECONDS))


INSIDE = "QWEN3_ENGINE_PYTHON" in os.environ
"""Whether the tests run in the image of an engine (tests/kind/inside.py)."""


@pytest.fixture(scope="session", params=(InImage(),) if INSIDE else ENVIRONMENTS, ids=lambda made: made.engine)
def environment(request: pytest.FixtureRequest) -> Environment | InImage:
    """The engine under test."""
    made: Environment | InImage = request.param
    return made


@pytest.fixture(scope="session")
def model(environment: Environment | InImage, request: pytest.FixtureRequest) -> Path:
    """What the engine opens of the tiny model."""
    if isinstance(environment, InImage):
        return find_tiny_model()
    environment.make()
    return environment.model(request.getfixturevalue("platform"))


def start_pod(
    environment: Environment | InImage, model: Path, folder: Path, *, adapters: Adapters | None = None
) -> Pod:
    """A ready pod of the engine."""
    config = tiny_config(
        model,
        engine=environment.engine,
        quantization=environment.quantization,
        extra_args=environment.extra_args,
        limits=Limits(context_length=4096, max_running_requests=4, max_total_tokens=16384),
        adapters=adapters,
    )
    pod = Pod.start(config, environment.python, folder, QWEN3_ENGINE_DESCRIPTION=str(environment.description))
    try:
        pod.wait_for(Phase.READY)
    except AssertionError:
        pod.end()
        raise
    return pod


@pytest.fixture(scope="session")
def pod(environment: Environment | InImage, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """A pod for every test that leaves it as it was."""
    made = start_pod(environment, model, tmp_path_factory.mktemp(environment.engine))
    yield made
    made.end()


@pytest.fixture
def client(pod: Pod) -> Iterator[openai.OpenAI]:
    """The official client."""
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0, timeout=200) as made:
        yield made
