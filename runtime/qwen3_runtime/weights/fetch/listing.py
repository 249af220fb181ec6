"""What a source holds: paths, sizes and the checksums that its files must have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from qwen3_runtime.weights.fetch.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_BLOCK_BYTES = 4 * 1024 * 1024
_OTHER_FORMATS = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.onnx", "*.onnx_data", "*.gguf", "*.ckpt")
"""The same weights once more, in repositories that have safetensors."""
_NEVER_NEEDED = (".git*", "*/.git*", "*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "*.webp", "*.mp4", "*.pdf")


class Algorithm(StrEnum):
    """How a checksum is computed."""

    SHA256 = "sha256"
    GIT_SHA1 = "git-sha1"
    """SHA-1 of git's blob header and the content: what git hubs know of files outside LFS."""


@dataclass(frozen=True)
class Checksum:
    """A checksum in lower-case hexadecimal digits."""

    algorithm: Algorithm
    value: str


@dataclass(frozen=True)
class RemoteFile:
    """One file of a source."""

    path: str
    """Relative, with ``/``."""
    size: int
    """Bytes."""
    checksum: Checksum | None
    """None where the source knows none and the user accepts that."""


@dataclass(frozen=True)
class Listing:
    """The files of one revision."""

    revision: str
    """The commit where the source has commits; otherwise what was asked for."""
    files: tuple[RemoteFile, ...]


def git_checksum(value: str) -> Checksum:
    """The checksum that a git hub calls the file's id: of an LFS object (64 digits) or of a git blob (40)."""
    length = len(hashlib.sha256().hexdigest())
    return Checksum(Algorithm.SHA256 if len(value) == length else Algorithm.GIT_SHA1, value.lower())


def select(files: Sequence[RemoteFile], patterns: Sequence[str]) -> tuple[RemoteFile, ...]:
    """Files that match one of ``patterns``; without patterns those that an engine can use.

    Raises:
        FetchError: nothing matches, or a path leads out of the folder.
    """
    for file in files:
        _require_safe(file.path)
    chosen = [file for file in files if _wanted(file.path, patterns)]
    if not patterns and any(file.path.endswith(".safetensors") for file in chosen):
        chosen = [file for file in chosen if not _matches(file.path, _OTHER_FORMATS)]
    if not chosen:
        what = f"matches {', '.join(patterns)}" if patterns else "could be served"
        raise FetchError("NothingToFetch", f"None of the {len(files)} files of the source {what}.")
    return tuple(chosen)


def checksum_of(path: Path, algorithm: Algorithm, seen: Callable[[], None]) -> Checksum:
    """Checksum of a file on the disk; ``seen`` is called after every few megabytes and may raise to stop."""
    if algorithm is Algorithm.SHA256:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            seen()
    return Checksum(algorithm, digest.hexdigest())


def _wanted(path: str, patterns: Sequence[str]) -> bool:
    return _matches(path, patterns) if patterns else not _matches(path, _NEVER_NEEDED)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _require_safe(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise FetchError("UnsafePath", f"The source lists a file {path!r}, which would lie outside the model's folder.")
