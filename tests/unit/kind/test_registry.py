"""When a public registry counts as in reach, and as whom the local one runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.kind import docker, registry
from tests.kind.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No answer of an earlier question, no registry container, and a local registry that answers at once."""
    monkeypatch.setenv("QWEN3_CACHE", str(tmp_path))
    monkeypatch.setattr(docker, "container_state", lambda _: "")
    monkeypatch.setattr(registry, "_answers", lambda: True)
    registry.public_in_reach.cache_clear()
    yield
    registry.public_in_reach.cache_clear()


@pytest.mark.parametrize(
    ("held", "pulls", "expected"),
    [(False, False, False), (False, True, True), (True, False, True)],
    ids=["never", "now", "once"],
)
def test_in_reach_now_or_once(held: bool, pulls: bool, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setattr(docker, "has_image", lambda name: held and name == registry.PROBE_IMAGE)
    monkeypatch.setattr(registry, "succeeds", lambda *_, **__: pulls)
    assert registry.public_in_reach() == expected


def test_the_layers_belong_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "has_image", lambda _: True)
    commands: list[str] = []
    monkeypatch.setattr(Step, "run", lambda _, command: commands.append(" ".join(command)))
    registry.start(Step("local registry"))
    assert f"--user {os.getuid()}:{os.getgid()}" in commands[0]
