"""The real SGLang on the CPU and the tiny model. `make platform` makes both; missing ones are a failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import openai
import pytest

from qwen3_runtime.config import Phase, RuntimeConfig
from tests.engine.places import find_engine_python, find_tiny_model
from tests.engine.pod import START_SECONDS, Pod, tiny_config

if TYPE_CHECKING:
    from collections.abc import Iterator

StartPod = Callable[..., Pod]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.timeout(2 * START_SECONDS))


@pytest.fixture(scope="session")
def engine_python() -> Path:
    """Interpreter of an environment with SGLang for the CPU."""
    return find_engine_python()


@pytest.fixture(scope="session")
def tiny_model(engine_python: Path) -> Path:
    """Folder of the tiny model."""
    del engine_python  # without it there is no use for a model
    return find_tiny_model()


@pytest.fixture(scope="session")
def pod(engine_python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """A ready pod for every test that leaves it as it was."""
    made = Pod.start(tiny_config(tiny_model), engine_python, tmp_path_factory.mktemp("pod"))
    try:
        made.wait_for(Phase.READY)
        yield made
    finally:
        made.end()


@pytest.fixture
def start_pod(engine_python: Path, tmp_path: Path) -> Iterator[StartPod]:
    """Start a pod of one's own; whatever becomes of the test, nothing of it is left."""
    pods: list[Pod] = []

    def start(config: RuntimeConfig, **environment: str) -> Pod:
        pods.append(Pod.start(config, engine_python, tmp_path, **environment))
        return pods[-1]

    yield start
    for pod in pods:
        pod.end()


@pytest.fixture
def client(pod: Pod) -> Iterator[openai.OpenAI]:
    """The official client."""
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0) as made:
        yield made
