"""The project's own images: named after what goes into them, and built only where the local registry lacks them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import docker, registry
from tests.kind.steps import output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.kind.steps import Step, Steps

IMAGES = Path("runtime/images")
RUNTIME = IMAGES / "runtime.Dockerfile"
GATEWAY = IMAGES / "gateway" / "Dockerfile"


def engine(steps: Steps, name: str, base: str) -> str:
    """The engine image of the folder ``runtime/images/NAME``, without this project's runtime."""
    folder = IMAGES / name
    sources = [path for path in _sources(str(folder)) if path.suffix != ".md"]
    image = _tagged(f"qwen3-engine-{name}", sources, base)
    _provide(steps, image, folder / "Dockerfile", folder, {"BASE_IMAGE": base})
    return image


def runtime(steps: Steps, name: str, engine_image: str) -> str:
    """The image of engine pods: the runtime in front of an engine."""
    sources = [*_sources("runtime/qwen3_runtime"), RUNTIME, Path("requirements/runtime.txt")]
    image = _tagged(f"qwen3-runtime-{name}", sources, engine_image)
    _provide(steps, image, RUNTIME, Path(), {"ENGINE_IMAGE": engine_image})
    return image


def operator(steps: Steps, base: str) -> str:
    """The operator's image."""
    sources = [*_sources("operator"), *_sources("runtime/qwen3_runtime"), Path("requirements/operator.txt")]
    image = _tagged("qwen3-operator", sources, base)
    _provide(steps, image, Path("operator/Dockerfile"), Path(), {"BASE_IMAGE": base})
    return image


def gateway(steps: Steps, base: str) -> str:
    """The gateway's image."""
    sources = [GATEWAY, *_sources("runtime/qwen3_runtime"), Path("requirements/gateway.txt")]
    image = _tagged("qwen3-gateway", sources, base)
    _provide(steps, image, GATEWAY, Path(), {"BASE_IMAGE": base})
    return image


def _sources(folder: str) -> list[Path]:
    """Tracked and new files of a folder, as git sees them."""
    listed = output(["git", "ls-files", "--cached", "--others", "--exclude-standard", folder])
    return [Path(line) for line in sorted(listed.split()) if Path(line).is_file()]


def _tagged(name: str, sources: list[Path], base: str) -> str:
    """Image name whose tag changes with what goes into it."""
    digest = hashlib.sha256(base.encode())
    for path in sources:
        digest.update(f"\n{path}\n".encode() + path.read_bytes())
    return f"{name}:{digest.hexdigest()[:12]}"


def _provide(steps: Steps, image: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
    """Build and push an image that the local registry does not hold yet."""
    if registry.holds(image):
        return
    with steps.step(f"image {image.split(':', maxsplit=1)[0]}") as step:
        flags = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={_local(value, step)}")]
        step.run(docker.docker("build", "--network", "host", *flags, "-t", image, "-f", dockerfile, context))
        registry.push(image, step)
        step.note = image.split(":")[1]


def _local(base: str, step: Step) -> str:
    """The base under a name that docker holds; fetched from the local registry where docker lost it."""
    if ":" in base and not docker.has_image(base) and registry.holds(base):
        registry.provide(registry.reference(base), step)
        return registry.reference(base)
    return base
