"""The tiny model in Q4_K_M, packed by llama.cpp's own library, is served by llama.cpp; nothing is fetched."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import gguf
import openai
import pytest

from qwen3_runtime.config import Engine, Phase
from tests.conformance.conftest import INSIDE, start_pod
from tests.conformance.environments import ENVIRONMENTS
from tests.engine.pod import MODEL
from tests.tiny_model import gguf_file
from tests.tiny_model.gguf_formats import q4_k_m

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openai.types.chat import ChatCompletionMessageParam

    from tests.conformance.environments import Environment

pytestmark = pytest.mark.skipif(INSIDE, reason="these are the tests of another engine's image")

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def llama_cpp() -> Environment:
    """Planned with the other format."""
    found = next(one for one in ENVIRONMENTS if one.engine is Engine.LLAMA_CPP)
    found.make()
    return replace(found, quantization="GGUF-Q4_K_M")


@pytest.fixture(scope="module")
def file(llama_cpp: Environment, platform: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    library = next(llama_cpp.venv.home.glob("lib/*/site-packages/xllamacpp/*.so"))
    made = tmp_path_factory.mktemp("gguf") / "qwen3-tiny-q4_k_m.gguf"
    gguf_file.convert(as_it_is(platform), made, q4_k_m(library))
    yield made
    made.unlink()


def as_it_is(platform: dict[str, str]) -> Path:
    """The tiny model in the format of Hugging Face."""
    transformers = next(one for one in ENVIRONMENTS if one.engine is Engine.TRANSFORMERS)
    return transformers.model(platform)


def test_the_file_has_the_mix_of_types(file: Path) -> None:
    reader = gguf.GGUFReader(file)
    kinds = Counter(tensor.tensor_type.name for tensor in reader.tensors)
    # Embeddings, and values and down projection of the second layer, are Q6_K; the norms of rows stay F32.
    assert kinds == {"Q4_K": 12, "Q6_K": 3, "F32": 9}
    assert reader.fields["general.file_type"].contents() == gguf.LlamaFileType.MOSTLY_Q4_K_M


@pytest.mark.parametrize("thinking", [True, False])
def test_it_answers_as_in_the_other_formats(
    llama_cpp: Environment, file: Path, tmp_path: Path, *, thinking: bool
) -> None:
    pod = start_pod(llama_cpp, file, tmp_path)
    try:
        assert pod.report().phase is Phase.READY
        with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0, timeout=200) as client:
            answer = client.chat.completions.create(
                model=MODEL,
                messages=HELLO,
                temperature=0,
                extra_body={"chat_template_kwargs": {"enable_thinking": thinking}},
            )
    finally:
        pod.end()
    message = answer.choices[0].message
    assert message.content == "Hello! I am Qwen3-Tiny, a very small model made for tests."
    assert bool(getattr(message, "reasoning_content", None)) is thinking
