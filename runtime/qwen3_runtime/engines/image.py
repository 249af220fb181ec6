"""Which engine lies in this image."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.engines.base import parse_version

if TYPE_CHECKING:
    from qwen3_runtime.engines.base import Adapter, Command

QUERY_SECONDS = 60
"""Limit for asking the engine's interpreter; a cold disk may take seconds."""


class ImageError(Exception):
    """The image has no such engine; the text says what was found."""


@dataclass(frozen=True)
class EngineImage:
    """Content of the image's ``engine.json``."""

    name: str
    version: str
    device: str | None = None
    """None where the image does not say: then any device is tried."""
    program: str | None = None
    """The engine itself, where it is no Python module."""

    def start(self, python: Path, command: Command) -> tuple[str, ...]:
        """Words that start the engine with ``command``."""
        return ((self.program,) if self.program else (str(python), *command.launcher)) + command.arguments


def identify(description: Path, python: Path, adapter: Adapter) -> EngineImage:
    """The image's engine from its description, else from the engine's interpreter.

    Raises:
        ImageError: there is no engine, or the description cannot be read.
    """
    image = _read(description) if description.is_file() else None
    engine = Path(image.program) if image is not None and image.program else python
    if not engine.exists():
        raise ImageError(f"the image has no engine: {engine} does not exist")
    if image is not None:
        return image
    return EngineImage(name=adapter.name, version=_ask(python, adapter.package))


def mismatch(image: EngineImage, adapter: Adapter, device: str) -> str | None:
    """Why this image cannot serve a configuration for ``adapter`` and ``device``, naming the field; or None."""
    if image.name != adapter.name:
        return f"engine: the image holds {image.name}, not {adapter.name}"
    if image.device not in (None, device):
        return f"device: the image is for {image.device}, not {device}"
    if parse_version(image.version) < adapter.oldest_version:
        oldest = ".".join(map(str, adapter.oldest_version))
        return f"engine: the image holds {image.name} {image.version}, the oldest known is {oldest}"
    return None


def _read(description: Path) -> EngineImage:
    try:
        content = json.loads(description.read_bytes())
        optional = {key: content.get(key) for key in ("device", "program")}
        return EngineImage(name=content["name"], version=content["version"], **optional)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageError(f"{description} does not describe an engine: {error!r}") from error


def _ask(python: Path, package: str) -> str:
    question = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    try:
        answer = subprocess.run(  # noqa: S603 - the interpreter is the image's own
            [str(python), "-c", question], capture_output=True, text=True, check=True, timeout=QUERY_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ImageError(f"{python} has no {package}: {error}") from error
    return answer.stdout.strip()
