"""The hubs' own clients fetch from the stand-in: what this project's code is tested against is what they speak.

Modelers' client (openmind-hub) refuses every address without TLS; its listing was compared by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from huggingface_hub import snapshot_download
from modelscope_hub import HubApi

from tests.hub.server import Hub
from tests.weights.conftest import NAME

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.hub.content import Repository

TOKEN = "secret0123456789"  # noqa: S105 - of the stand-in


def content_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if ".cache" not in path.parts}


def test_hugging_face_s_client(repository: Repository, tmp_path: Path) -> None:
    with Hub(repository, token=TOKEN) as hub:
        snapshot_download(NAME, local_dir=tmp_path / "model", endpoint=hub.url, token=TOKEN)
    assert content_of(tmp_path / "model") == repository.files


def test_model_scope_s_client(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    with Hub(repository, token=TOKEN) as hub:
        HubApi(endpoint=hub.url, token=TOKEN).download_repo(NAME, "model", local_dir=tmp_path / "model")
    assert content_of(tmp_path / "model") == repository.files
