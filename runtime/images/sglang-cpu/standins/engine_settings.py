"""Read by every interpreter of the engine, through engine.pth: which of SGLang's model modules not to import.

SGLang imports all of its 200 model modules at start to learn their class names, which takes a small CPU several
seconds. The setting is SGLang's own; this image serves Qwen3 and nothing else.
"""

# ruff: noqa: INP001 - a top-level module by purpose

import os
from pathlib import Path

SERVED = ("qwen3", "qwen3_moe")
MODELS = Path(__file__).parent / "sglang" / "srt" / "models"


def others() -> str:
    """Return the names of all model modules but those that are served, as SGLang wants them: joined by commas."""
    return ",".join(sorted(path.stem for path in MODELS.glob("*.py") if path.stem not in SERVED))


os.environ.setdefault("SGLANG_DISABLED_MODEL_ARCHS", others())
