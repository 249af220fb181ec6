"""`python -m tests.tiny_model.build`: make Qwen3-Tiny in the cache with the engine image, or with a venv's Python.

Runs with the standard library alone: training needs torch and transformers, and the engine image has both.
"""

import argparse
import fcntl
import os
import sys
from pathlib import Path
from typing import Final

from tests.kind import cache
from tests.kind.steps import Step, StepError, Steps
from tests.tiny_model.shape import VERSION
from tests.tiny_model.stamp import is_current
from tests.tiny_model.tokenizer import fetch

IMAGE: Final = "qwen3-serving/sglang-cpu:0.5.23"
REPOSITORY: Final = Path(__file__).parents[2]
# Threads that wait asleep: spinning ones starve each other on shared cores.
THREADS: Final = {"OMP_NUM_THREADS": str(os.cpu_count() or 1), "OMP_WAIT_POLICY": "passive"}


def make(image: str, models: Path, step: Step, python: str | None = None) -> Path:
    """Return the model's folder below `models`, made first if it is not there; raises StepError if that fails.

    It is trained in a container of `image`, or by the interpreter `python` if one is named. Whoever comes second waits.
    """
    directory = models / f"qwen3-tiny-{VERSION}"
    models.mkdir(parents=True, exist_ok=True)
    with (models / f".{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(directory):
            step.note = f"{directory.name} is there"
            return directory
        train(image, directory, step, python)
    step.note = f"{directory.name} trained"
    return directory


def train(image: str, directory: Path, step: Step, python: str | None) -> None:
    """Train into `directory`."""
    tokenizer = fetch(cache.folder("tokenizers"))
    if python is None:
        step.run(in_container(image, directory, tokenizer))
        return
    command = [python, "-m", "tests.tiny_model", str(directory), "--tokenizer", str(tokenizer)]
    step.run(command, cwd=REPOSITORY, env={**os.environ, **THREADS})


def in_container(image: str, directory: Path, tokenizer: Path) -> list[str]:
    """Return the docker command that trains in `image` without a network, as the calling user."""
    settings = {**THREADS, "PYTHONPATH": "/src"}
    return [
        *("docker", "run", "--rm", "--network", "none", "--user", f"{os.getuid()}:{os.getgid()}"),
        *(word for name, value in settings.items() for word in ("--env", f"{name}={value}")),
        *("--volume", f"{REPOSITORY / 'tests'}:/src/tests:ro"),
        *("--volume", f"{tokenizer}:/tokenizer:ro"),
        *("--volume", f"{directory.parent}:/models"),
        *(image, "/opt/engine/bin/python", "-W", "ignore", "-m", "tests.tiny_model"),
        *(f"/models/{directory.name}", "--tokenizer", "/tokenizer"),
    ]


def main() -> int:
    """Print the model's folder as the last line."""
    parser = argparse.ArgumentParser(prog="python -m tests.tiny_model.build", description=__doc__)
    parser.add_argument("--image", default=IMAGE, help="engine image that trains (default: %(default)s)")
    parser.add_argument("--python", help="train with this Python instead; it needs torch and transformers")
    options = parser.parse_args()
    try:
        with Steps().step("tiny model") as step:
            directory = make(options.image, cache.folder("models"), step, options.python)
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
