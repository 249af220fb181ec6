"""SGLang's own load generator (``sglang.bench_serving`` of the engine image), as a container on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.kind import docker

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDINS = Path(__file__).parent / "standins"
_MODELS, _OUT, _IMPORTED = "/models", "/out", "/standins"


@dataclass(frozen=True)
class Load:
    """Poisson arrivals of chats of one size."""

    rate: float
    """Requests per second."""
    seconds: float
    input_tokens: int
    output_tokens: int
    seed: int

    @property
    def requests(self) -> int:
        """Of all its time."""
        return max(1, round(self.rate * self.seconds))


@dataclass(frozen=True)
class Door:
    """Where to ask, for what and with which key."""

    url: str
    model: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What the generator saw."""

    first_token_seconds: tuple[float, ...]
    """Of the requests that were answered."""
    errors: tuple[str, ...]
    """Of the others."""


@dataclass(frozen=True)
class Generator:
    """A container that asks until its requests are answered."""

    process: subprocess.Popen[bytes]
    found: Path

    def outcome(self, timeout: float) -> Outcome:
        """Once it has ended.

        Raises:
            RuntimeError: it ended without a result.
        """
        status = self.process.wait(timeout)
        if status or not self.found.exists():
            raise RuntimeError(
                f"sglang.bench_serving ended with {status}: {self.found.with_suffix('.log').read_text()[-2000:]}"
            )
        said: dict[str, Any] = json.loads(self.found.read_text().splitlines()[-1])
        answers = list(zip(said["ttfts"], said["errors"], strict=True))
        return Outcome(
            tuple(seconds for seconds, error in answers if not error), tuple(error for _, error in answers if error)
        )


def start(platform: Mapping[str, str], folder: Path, door: Door, load: Load, name: str) -> Generator:
    """Ask at a front door on this machine; what the generator says goes to ``folder``."""
    folder.chmod(0o777)
    volumes = {platform["modelsOnHost"]: f"{_MODELS}:ro", str(STANDINS): f"{_IMPORTED}:ro", str(folder): _OUT}
    words = (
        *("-m", "sglang.bench_serving", "--backend", "sglang-oai-chat", "--base-url", door.url),
        *("--model", door.model, "--tokenizer", f"{_MODELS}/{platform['modelFolder']}", "--dataset-name", "random-ids"),
        *("--random-input-len", str(load.input_tokens), "--random-output-len", str(load.output_tokens)),
        *("--random-range-ratio", "1", "--num-prompts", str(load.requests), "--request-rate", str(load.rate)),
        *("--seed", str(load.seed), "--warmup-requests", "0", "--disable-tqdm"),
        *("--output-details", "--output-file", f"{_OUT}/{name}.jsonl"),
    )
    command = docker.docker(
        *("run", "--rm", "--network", "host", "--read-only", "--tmpfs", "/tmp:exec", "--env", "OPENAI_API_KEY"),  # noqa: S108
        *("--env", f"PYTHONPATH={_IMPORTED}", "--entrypoint", "/opt/engine/bin/python"),
        *(word for source, target in volumes.items() for word in ("--volume", f"{source}:{target}")),
        *(platform["runtimeImage"], *words),
    )
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"OPENAI_API_KEY": door.key}
        )
    return Generator(process, folder / f"{name}.jsonl")
