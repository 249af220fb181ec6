"""What a deployment of the tiny model on llama.cpp needs: its file, and an image that serves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import ownimages, registry
from tests.kind.steps import Steps
from tests.objects import deployment
from tests.tiny_model import gguf_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tests.objects import Object


def image(platform: Mapping[str, str]) -> str:
    """The runtime in front of llama.cpp, as the nodes pull it; built where it is missing."""
    steps = Steps()
    engine = ownimages.engine(steps, "llama-cpp", platform["baseImage"])
    return registry.reference(ownimages.runtime(steps, "llama-cpp", engine))


def folder(platform: Mapping[str, str]) -> str:
    """Name of the folder of the tiny model as a GGUF file, beside the model's own; made where it is missing."""
    model = Path(platform["modelsOnHost"], platform["modelFolder"])
    file = model.with_name(f"{model.name}-gguf") / gguf_file.NAME
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        gguf_file.convert(model, file)
    return file.parent.name


def served_by_llama_cpp(name: str, namespace: str, engine_image: str, **spec: Any) -> Object:
    """No engine is named: the format decides."""
    format_and_image: dict[str, Any] = {"model": {"quantization": "GGUF-Q8_0"}, "engine": {"image": engine_image}}
    return deployment(name, namespace, **format_and_image, **spec)
