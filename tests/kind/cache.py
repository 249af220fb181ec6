"""Where finished artefacts are kept: outside the checkout, keyed by name and version, never half-built."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# Not the daemon's own folder, which a running daemon needs, nor what other tools keep beside ours.
OWNED = (
    "bin",
    "certs.d",
    "clusters",
    "engines",
    "go",
    "go-build",
    "images",
    "modules",
    "node",
    "peers",
    "registry",
    "rootfs",
    "tmp",
    "wheels",
)
WRITABLE = 0o755
FILES = Path(__file__).parent / "files"


def root() -> Path:
    """``$QWEN3_CACHE``, else ``$XDG_CACHE_HOME/qwen3-serving``, else ``~/.cache/qwen3-serving``."""
    chosen = os.environ.get("QWEN3_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "qwen3-serving"


def folder(*parts: str) -> Path:
    """A folder below the cache root, made where missing."""
    path = root().joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def remove(names: Iterable[str] = OWNED) -> None:
    """Delete what this package keeps. Go's module cache is read-only and has to be made writable first."""
    for path, folders, _ in os.walk(root() / "go"):
        for name in folders:
            Path(path, name).chmod(WRITABLE)
    for name in names:
        shutil.rmtree(root() / name, ignore_errors=True)


@contextmanager
def locked() -> Iterator[None]:
    """Keep a second run out of the same cache; it waits. The lock goes with the process, however that ends."""
    with (folder() / "lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"… waiting for another run in {root()}", flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; on the cache's disk, since some hold gigabytes."""
    with tempfile.TemporaryDirectory(dir=folder("tmp")) as path:
        yield Path(path)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a scratch folder that becomes ``target`` only when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(abandoned)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield scratch
        scratch.chmod(WRITABLE)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a scratch path that becomes ``target`` only when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield scratch
        scratch.rename(target)
    finally:
        scratch.unlink(missing_ok=True)
