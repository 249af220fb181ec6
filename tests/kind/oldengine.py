"""The SGLang of the newest Ascend images: its package without what it requires, for its argument parser."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.kind import cache

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kind.steps import Steps

VERSION = (0, 5, 16)
REQUIREMENTS = cache.FILES / "sglang-0.5.16.txt"


def provide(steps: Steps) -> Path:
    """Its folder in the cache, fetched where it is not there."""
    folder = cache.root() / "wheels" / REQUIREMENTS.stem
    if not folder.is_dir():
        with steps.step(f"package {REQUIREMENTS.stem}") as step, cache.atomic_folder(folder) as target:
            options = ("--quiet", "--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:")
            step.run([sys.executable, "-m", "pip", "install", *options, "--target", target, "-r", REQUIREMENTS])
    return folder
