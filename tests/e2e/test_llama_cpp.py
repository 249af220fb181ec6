"""A GGUF file on a volume, served by llama.cpp on the CPU: from its own image to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from qwen3_runtime.config import MANAGEMENT_PORT
from tests.conftest import make_namespace, remove_namespace
from tests.e2e import gguf
from tests.e2e.conftest import openai_client
from tests.e2e.load import start_load
from tests.kube import poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

NAME = NAMESPACE = "llama-cpp"
HELLO: dict[str, Any] = {"model": "Qwen3-Tiny", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0}
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}


@pytest.fixture(scope="module")
def served(kube: Kube, platform: dict[str, str]) -> Iterator[str]:
    """Namespace with the tiny model as a GGUF file, served."""
    engine_image = gguf.image(platform)
    make_namespace(kube, NAMESPACE, gguf.folder(platform))
    try:
        kube.apply(gguf.served_by_llama_cpp(NAME, NAMESPACE, engine_image))
        kube.wait_condition(NAME, NAMESPACE, "Ready", "True")
        yield NAMESPACE
    finally:
        remove_namespace(kube, NAMESPACE)


def test_the_format_chooses_the_engine(kube: Kube, served: str) -> None:
    status = kube.get("q3d", NAME, served)["status"]
    placement = status["plan"]["placements"][0]
    assert (placement["quantization"], placement["engine"]) == ("GGUF-Q8_0", "LlamaCpp")
    assert "GGUF-Q8_0" in status["plan"]["summary"]


@pytest.mark.parametrize("thinking", [True, False])
def test_it_answers_as_sglang_does(kube: Kube, served: str, *, thinking: bool) -> None:
    with openai_client(kube, NAME, served) as client:
        message = client.chat.completions.create(**HELLO, extra_body={} if thinking else NO_THINKING).choices[0].message
    assert message.content == "Hello! I am Qwen3-Tiny, a very small model made for tests."
    assert bool(getattr(message, "reasoning_content", None)) is thinking


def test_its_metrics_have_the_common_names(kube: Kube, served: str) -> None:
    with kube.forward(f"pod/{_pods(kube, served)[0]}", served, MANAGEMENT_PORT) as url:
        text = httpx.get(f"{url}/metrics", timeout=10).text
    generated = next(line for line in text.splitlines() if line.startswith("qwen3_engine_generated_tokens_total"))
    assert float(generated.split()[-1]) > 0


def test_a_roll_fails_no_stream(kube: Kube, served: str, operator_image: str) -> None:
    url = kube.get("q3d", NAME, served)["status"]["url"]
    [before] = _pods(kube, served)
    load = start_load(kube, served, operator_image, url, seconds=200, body=HELLO)
    load.wait_started()
    kube.patch("q3d", NAME, served, {"spec": {"thinking": {"default": "Disabled"}}})
    kube.wait_condition(NAME, served, "Ready", "True")
    poll("old pod gone", lambda: before not in _pods(kube, served), timeout=120)
    load.stop()
    result = load.result(timeout=130)
    assert result["failures"] == []
    assert result["good"] > 10


def _pods(kube: Kube, namespace: str) -> list[str]:
    return [pod["metadata"]["name"] for pod in kube.list("pods", namespace, f"serving.qwen3.io/deployment={NAME}")]
