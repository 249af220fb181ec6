"""When a user is told that debootstrap needs root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kind import docker, rootfs
from tests.kind.steps import StepError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def user_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither root nor sudo, an empty cache, a Docker without images."""
    monkeypatch.setenv("QWEN3_CACHE", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(docker, "succeeds", lambda *_, **__: False)


def test_before_anything_is_built() -> None:
    with pytest.raises(StepError, match=r"Debian root file systems once needs root \(or sudo without a password\)"):
        rootfs.check_rights()


def test_not_where_the_cache_holds_both() -> None:
    for which in (rootfs.NODE, rootfs.PYTHON):
        which.tarball.touch()
    rootfs.check_rights()
