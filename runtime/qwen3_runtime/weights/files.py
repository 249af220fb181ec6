"""Files of a model or an adapter: are they there, whole, and what do their heads say?"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from qwen3_runtime.weights import safetensors
from qwen3_runtime.weights.problem import FoundError

if TYPE_CHECKING:
    from pathlib import Path

_LISTED, _NAMED = 100, 5
"""Entries of a folder that are looked at, and named, where the one asked for is missing."""


def require_folder(folder: Path) -> None:
    """Raises FoundError where it is missing or empty."""
    if not folder.is_dir():
        raise FoundError("FolderMissing", f"{folder} is not a folder; {_instead(folder)}.")
    if not any(folder.iterdir()):
        raise FoundError("FolderEmpty", f"{folder} is empty.")


def _instead(folder: Path) -> str:
    """What there is above it."""
    above = next(parent for parent in folder.parents if parent.is_dir())
    names = sorted(path.name for path in islice(above.iterdir(), _LISTED) if not path.name.startswith("."))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{above} holds {', '.join(names[:_NAMED])}{more}" if names else f"{above} is empty"


def require(path: Path) -> None:
    """Raises FoundError where the file is missing."""
    if not path.is_file():
        raise FoundError("FileMissing", f"{path} does not exist.")


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        FoundError: there is none.
    """
    require(path)
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise FoundError("FileCorrupt", f"{path} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise FoundError("FileCorrupt", f"{path} holds no JSON object.")
    return content


def read_tensors(path: Path) -> safetensors.Shapes:
    """Shapes by name of the tensors of a file that is whole.

    Raises:
        FoundError: it is missing or not whole.
    """
    require(path)
    size = path.stat().st_size
    try:
        shapes, expected = safetensors.read_header(path)
    except safetensors.CorruptFileError as error:
        raise FoundError("FileCorrupt", f"{path} is no safetensors file: {error} ({size} bytes).") from error
    if size != expected:
        reason = "FileTruncated" if size < expected else "FileCorrupt"
        raise FoundError(reason, f"{path} has {size} bytes, its header describes {expected}.")
    return shapes
