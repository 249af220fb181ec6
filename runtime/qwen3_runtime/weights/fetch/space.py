"""Can the volume take the model? Asked before the first byte, so that the answer has numbers."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import TYPE_CHECKING

from qwen3_runtime.weights.fetch.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from qwen3_runtime.weights.fetch.listing import RemoteFile

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_GIB = 1024**3


def require_writable(volume: Path) -> None:
    """Make a file in the volume and remove it.

    Raises:
        FetchError: ``VolumeMissing``, ``NoPermission`` or ``DiskFull``, each with the path.
    """
    if not volume.is_dir():
        raise FetchError("VolumeMissing", f"{volume} is not a folder: no volume is mounted there.")
    try:
        with tempfile.TemporaryFile(dir=volume):
            pass
    except OSError as error:
        raise disk_failure(error, volume) from error


def gib(size: int) -> str:
    """``15.3 GiB``."""
    return f"{size / _GIB:.1f} GiB"


def missing_bytes(folder: Path, files: Iterable[RemoteFile]) -> int:
    """Bytes that are still to be fetched into a folder."""
    return sum(max(file.size - _size(folder / file.path), 0) for file in files)


def free_bytes(volume: Path) -> int:
    """Bytes that are free for this user."""
    status = os.statvfs(volume)
    return status.f_bavail * status.f_frsize


def require_space(volume: Path, needed: int) -> None:
    """Compare what is still to be fetched with what is free.

    Raises:
        FetchError: ``DiskFull`` with needed and free bytes.
    """
    free = free_bytes(volume)
    if needed > free:
        raise FetchError(
            "DiskFull",
            f"{volume} has {free} bytes free ({gib(free)}), the model needs {needed} more ({gib(needed)}).",
        )


def disk_failure(error: OSError, volume: Path) -> FetchError:
    """What a failed write means."""
    path = error.filename if isinstance(error.filename, str) else str(volume)
    if error.errno in _FULL:
        return FetchError("DiskFull", f"{volume} became full while the model was fetched ({error.strerror}).")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        who = f"user {os.getuid()}, group {os.getgid()}"
        return FetchError("NoPermission", f"{path} cannot be written by {who}: {error.strerror}.")
    return FetchError("DiskError", f"{path} cannot be written: {error.strerror}.")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
