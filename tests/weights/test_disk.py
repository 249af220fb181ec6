"""Volumes that are too small or not to be written, as the kernel makes them: mounts in a namespace of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.config import ModelCache
from qwen3_runtime.weights.fetch.order import FetchState
from tests.weights.conftest import order_for, source_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.server import Hub
    from tests.weights.conftest import Fetch, StartFetcher

MOUNT = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"'
FILLED = 'mount -t tmpfs -o "$0" tmpfs "$1" && cp -a "$2/." "$1" && shift 2 && exec "$@"'
"""With what lies in another folder."""


@pytest.mark.parametrize(
    ("options", "reason", "said"),
    [
        ("size=600k", "DiskFull", r"has 6\d{5} bytes free .* needs 9\d{5} more"),
        ("ro,size=10m", "NoPermission", r"cannot be written by user \d+, group \d+: Read-only file system"),
    ],
)
def test_volume_is_refused_before_the_first_byte(  # noqa: PLR0917 - fixtures
    hub: Hub, volume: Path, start_fetcher: StartFetcher, options: str, reason: str, said: str
) -> None:
    around = ("unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, options, str(volume))
    fetcher = start_fetcher(order_for(source_of(hub), volume), around)
    assert fetcher.end() is FetchState.FAILED, fetcher.log.read_text()
    last = fetcher.events[-1]
    assert last.reason == reason
    assert str(volume) in last.message
    assert re.search(said, last.message), last.message
    assert hub.content_requests == []


def test_no_volume(hub: Hub, volume: Path, start_fetcher: StartFetcher) -> None:
    fetcher = start_fetcher(order_for(source_of(hub), volume / "missing"))
    assert fetcher.end() is FetchState.FAILED
    assert fetcher.events[-1].reason == "VolumeMissing"
    assert hub.seen == []


@pytest.mark.parametrize("used", [False, True])
def test_a_full_disk_below_the_limit_makes_room_too(
    hub: Hub, volume: Path, tmp_path: Path, fetch: Fetch, start_fetcher: StartFetcher, *, used: bool
) -> None:
    """The disk has room for one model and a half, the limit for many; one is there."""
    cache = ModelCache(size_limit_bytes=10**9)
    fetch(source_of(hub), cache=cache)
    marks = volume / f".{source_of(hub).folder_name()}.users"
    if not used:
        (marks / "pod-a.a").unlink()
    before = tmp_path / "before"
    volume.rename(before)
    volume.mkdir()
    around = ("unshare", "--map-root-user", "--mount", "sh", "-c", FILLED, "size=1500k", str(volume), str(before))
    order = order_for(source_of(hub, revision="main"), volume, holder="pod-b", incarnation="b", cache=cache)
    fetcher = start_fetcher(order, around)
    assert fetcher.end() is (FetchState.FAILED if used else FetchState.DONE), fetcher.log.read_text()
    if used:
        assert fetcher.events[-1].reason == "DiskFull"
        assert "pod-a)" in fetcher.events[-1].message
    else:
        assert "to make room" in fetcher.log.read_text()
