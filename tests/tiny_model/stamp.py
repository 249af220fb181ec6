"""Tell whether a folder holds this version of Qwen3-Tiny, complete."""

import json
from pathlib import Path

from tests.tiny_model.shape import FILES, STAMP_FILE, VERSION


def is_current(directory: Path) -> bool:
    """Return True if `directory` was written by this version and lacks no file; the stamp is written with the rest."""
    try:
        stamp = json.loads((directory / STAMP_FILE).read_text())
    except (OSError, ValueError):
        return False
    return stamp.get("version") == VERSION and all((directory / name).is_file() for name in FILES)
