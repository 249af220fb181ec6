"""What the stand-in serves, and the checksums that git hubs give it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

LARGE_SUFFIXES = (".safetensors", ".gguf", ".bin")
"""Kept in LFS, as on the real hubs."""


@dataclass
class Repository:
    """One model at one commit."""

    name: str
    files: dict[str, bytes]
    commit: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(usedforsecurity=False)
        for path, content in sorted(self.files.items()):
            digest.update(path.encode() + content)
        self.commit = digest.hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))


def is_large(path: str) -> bool:
    """Whether git only holds a pointer to the file."""
    return path.endswith(LARGE_SUFFIXES)


def sha256(content: bytes) -> str:
    """LFS object id."""
    return hashlib.sha256(content).hexdigest()


def git_blob(content: bytes) -> str:
    """What ``git hash-object`` says."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def object_id(path: str, content: bytes) -> str:
    """The id under which a git hub knows a file."""
    return sha256(content) if is_large(path) else git_blob(content)
