from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.folder import MANIFEST, ModelFolder, models_in
from qwen3_runtime.weights.fetch.listing import Listing, RemoteFile, git_checksum
from qwen3_runtime.weights.fetch.space import disk_failure

if TYPE_CHECKING:
    from pathlib import Path

LISTING = Listing("main", (RemoteFile("a.json", 2, git_checksum("0" * 40)), RemoteFile("x/b.bin", 3, None)))


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "model", "source-1")


def fill(folder: ModelFolder) -> None:
    folder.begin()
    (folder.partial / "x").mkdir(exist_ok=True)
    (folder.partial / "a.json").write_bytes(b"{}")
    (folder.partial / "x" / "b.bin").write_bytes(b"abc")


def test_appears_whole(folder: ModelFolder) -> None:
    fill(folder)
    assert not folder.is_whole()
    (folder.partial / "left over").touch()
    folder.finish(LISTING)
    assert folder.is_whole()
    assert sorted(path.name for path in folder.final.iterdir()) == [MANIFEST, "a.json", "x"]
    assert not folder.partial.exists()


def test_an_empty_folder_is_no_model(folder: ModelFolder) -> None:
    folder.final.mkdir()
    assert not folder.is_whole()
    fill(folder)
    folder.finish(LISTING)
    assert folder.is_whole()


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_damage_is_seen_and_repaired_in_place(folder: ModelFolder, damage: str) -> None:
    fill(folder)
    folder.finish(LISTING)
    path = folder.final / "x" / "b.bin"
    path.unlink() if damage == "gone" else path.write_bytes(b"ab")
    assert not folder.is_whole()
    folder.begin()
    assert (folder.partial / "a.json").read_bytes() == b"{}"
    assert not folder.final.exists()


def test_damage_beside_a_newer_attempt(folder: ModelFolder) -> None:
    fill(folder)
    folder.finish(LISTING)
    (folder.final / "a.json").unlink()
    folder.partial.mkdir()
    (folder.partial / "newer").touch()
    folder.begin()
    assert [path.name for path in folder.partial.iterdir()] == ["newer"]


@pytest.mark.parametrize("content", ["", "{}", '{"source": "source-2", "revision": "", "files": []}'])
def test_somebody_else_s_folder(folder: ModelFolder, content: str) -> None:
    folder.final.mkdir()
    (folder.final / MANIFEST).write_text(content)
    with pytest.raises(FetchError) as caught:
        folder.is_whole()
    assert caught.value.reason == "FolderOccupied"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "DiskFull"),
        (errno.EDQUOT, "DiskFull"),
        (errno.EACCES, "NoPermission"),
        (errno.EROFS, "NoPermission"),
        (errno.EIO, "DiskError"),
    ],
)
def test_failed_writes_are_named(tmp_path: Path, number: int, reason: str) -> None:
    failure = disk_failure(OSError(number, "text of the system", str(tmp_path / "x")), tmp_path)
    assert failure.reason == reason
    assert str(tmp_path) in failure.message
    assert "text of the system" in failure.message


def test_models_of_a_volume(tmp_path: Path, folder: ModelFolder) -> None:
    fill(folder)
    (tmp_path / "somebody else's").mkdir()
    (tmp_path / "somebody else's" / "a.json").touch()
    assert [(model.final.name, model.bytes_held()) for model in models_in(tmp_path)] == [("model", 5)]
    folder.finish(LISTING)
    assert [(model.final.name, model.bytes_held()) for model in models_in(tmp_path)] == [("model", 5)]


def test_a_removal_that_is_killed_leaves_nothing_that_looks_whole(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder)
    folder.finish(LISTING)
    folder.partial.mkdir()  # of a fetch that was killed before the model was there

    def killed(path: Path, **options: bool) -> None:
        if not options:
            raise KeyboardInterrupt
        path.rmdir()

    monkeypatch.setattr("qwen3_runtime.weights.fetch.folder.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        folder.remove()
    assert not folder.is_whole()
    monkeypatch.undo()
    fill(folder)
    folder.finish(LISTING)
    assert folder.is_whole()
    folder.remove()
    assert not folder.final.exists()
    assert not folder.partial.exists()
