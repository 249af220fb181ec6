"""Volumes that are too small or not to be written, as the kernel makes them: mounts in a namespace of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.weights.fetch.order import FetchState
from tests.weights.conftest import order_for, source_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.server import Hub
    from tests.weights.conftest import StartFetcher

MOUNT = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"'


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
