"""Where a model lies in a volume, and how it appears there: whole, or not at all.

Files are fetched into a hidden folder beside the final one. When every checksum was right, the manifest is written
into it and the folder is renamed. A rename of a folder is atomic, also on NFS, so a crash at any point leaves either
the hidden folder, which the next attempt goes on with, or the whole model.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pydantic import ValidationError

from qwen3_runtime.contract import Contract
from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.users import Users

if TYPE_CHECKING:
    from pathlib import Path

    from qwen3_runtime.weights.fetch.listing import Listing, RemoteFile

MANIFEST = ".qwen3-weights.json"
_PARTIAL = ".partial"


class FileRecord(Contract):
    """One file of a whole model."""

    path: str
    size: int
    checksum: str | None
    """``algorithm:digits``; None when the source had none and only the size was checked."""


class Manifest(Contract):
    """What lies in a folder. Its presence says that every file was whole and right."""

    source: str
    """`WeightSource.folder_name` of where it came from."""
    revision: str
    """Commit, where the source has commits."""
    files: tuple[FileRecord, ...]


class ModelFolder:
    """The places of one model in a volume."""

    def __init__(self, path: Path, source: str) -> None:
        self.final = path
        self.partial = path.with_name(f".{path.name}{_PARTIAL}")
        self.lock = path.with_name(f".{path.name}.lock")
        self.users = Users(path.with_name(f".{path.name}.users"))
        self.volume = path.parent
        self._source = source

    def is_whole(self) -> bool:
        """Whether the model is there and none of its files was lost or cut since. Reads no weights.

        Raises:
            FetchError: ``FolderOccupied``: something else lies there.
        """
        if not self.final.is_dir() or not any(self.final.iterdir()):
            return False
        manifest = _read(self.final / MANIFEST)
        if manifest is None or manifest.source != self._source:
            raise FetchError("FolderOccupied", f"{self.final} holds something that was not fetched from this source.")
        return all(_has_size(self.final / file.path, file.size) for file in manifest.files)

    def begin(self) -> None:
        """Make the hidden folder; what is left of a damaged model goes there to be repaired."""
        if self.final.is_dir() and any(self.final.iterdir()):
            if self.partial.exists():
                shutil.rmtree(self.final)
            else:
                self.final.rename(self.partial)
        self.partial.mkdir(exist_ok=True)

    def finish(self, listing: Listing) -> None:
        """Let the model appear. Every file of the listing lies in the hidden folder and was checked."""
        self._remove_others(listing)
        manifest = Manifest(
            source=self._source, revision=listing.revision, files=tuple(_record(file) for file in listing.files)
        )
        with (self.partial / MANIFEST).open("w") as file:
            file.write(manifest.model_dump_json(by_alias=True, indent=1))
            file.flush()
            os.fsync(file.fileno())
        _sync_folders(self.partial)
        self.partial.rename(self.final)
        _sync(self.volume)

    def bytes_held(self) -> int:
        """Bytes of the files that lie here, those of an unfinished fetch included."""
        manifest = _read(self.final / MANIFEST)
        whole = sum(file.size for file in manifest.files) if manifest else 0
        return whole + sum(_size(path) for path in self.partial.rglob("*"))

    def last_change(self) -> float:
        """When something of it was made or fetched, in seconds since the epoch."""
        return max(_modified(path) for path in (self.final, self.partial, *self.partial.rglob("*")))

    def remove(self) -> None:
        """Take the model away, so that at no moment a part of it looks whole."""
        if self.final.is_dir():
            shutil.rmtree(self.partial, ignore_errors=True)
            self.final.rename(self.partial)
        shutil.rmtree(self.partial)

    def _remove_others(self, listing: Listing) -> None:
        """Files of an older revision, whose fetch was never finished."""
        wanted = {self.partial / file.path for file in listing.files}
        for path in self.partial.rglob("*"):
            if path not in wanted and not path.is_dir():
                path.unlink()


def models_in(volume: Path) -> list[ModelFolder]:
    """Every model that was fetched into a volume, or begun to be. What others put there is not listed."""
    whole = {path.parent.name for path in volume.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")}
    begun = {path.name[1 : -len(_PARTIAL)] for path in volume.glob(f".*{_PARTIAL}")}
    return [ModelFolder(volume / name, name) for name in sorted(whole | begun)]


def _record(file: RemoteFile) -> FileRecord:
    checksum = f"{file.checksum.algorithm}:{file.checksum.value}" if file.checksum else None
    return FileRecord(path=file.path, size=file.size, checksum=checksum)


def _read(path: Path) -> Manifest | None:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _size(path: Path) -> int:
    """Of a file; others are being written and removed while this looks."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _sync_folders(root: Path) -> None:
    for path in (root, *(path for path in root.rglob("*") if path.is_dir())):
        _sync(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
