"""Several pods, one volume: one fetches, the others wait and say for whom, and a dead one is replaced."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.weights.fetch.order import FetchState, Pace
from tests.weights.conftest import BURYING, HURRY, StartFetcher, content_of, order_for, source_of, wanted_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.content import Repository
    from tests.hub.server import Hub
    from tests.weights.process import Fetcher


@pytest.fixture
def second(hub: Hub, volume: Path, start_fetcher: StartFetcher) -> tuple[Fetcher, Fetcher]:
    return _two_pods(hub, volume, start_fetcher, HURRY)


@pytest.fixture
def burying(hub: Hub, volume: Path, start_fetcher: StartFetcher) -> tuple[Fetcher, Fetcher]:
    return _two_pods(hub, volume, start_fetcher, BURYING)


def _two_pods(hub: Hub, volume: Path, start_fetcher: StartFetcher, pace: Pace) -> tuple[Fetcher, Fetcher]:
    """The first is in the middle of its download, the second waits for it."""
    hub.gate.close_after(400_000)
    made = []
    for name in ("pod-a", "pod-b"):
        order = order_for(source_of(hub), volume, holder=name, incarnation=name, pace=pace)
        made.append(start_fetcher(order))
        made[-1].wait_for(FetchState.DOWNLOADING if name == "pod-a" else FetchState.WAITING)
    return made[0], made[1]


def test_one_fetches_and_the_other_waits(
    hub: Hub, second: tuple[Fetcher, Fetcher], repository: Repository, volume: Path
) -> None:
    holder, waiter = second
    event = waiter.wait_for(FetchState.WAITING, bytes_done=1)
    assert "pod-a" in event.message
    assert event.progress is not None
    assert event.progress.bytes_done <= 400_000, "of the other pod"
    hub.gate.open()
    assert [fetcher.end() for fetcher in second] == [FetchState.DONE, FetchState.DONE]
    assert not any(event.state is FetchState.DOWNLOADING for event in waiter.events)
    assert holder.process.returncode == waiter.process.returncode == 0
    assert content_of(volume / source_of(hub).folder_name()) == wanted_of(repository)
    listings = [seen for seen in hub.seen if "/api/models/" in seen.path]
    assert len(listings) == 1, "the waiting pod asked the hub nothing"


def test_a_killed_holder_is_replaced_and_its_bytes_are_used(
    hub: Hub, burying: tuple[Fetcher, Fetcher], repository: Repository, volume: Path
) -> None:
    holder, waiter = burying
    holder.end(signal.SIGKILL)
    asked = len(hub.content_requests)
    hub.gate.open()
    assert waiter.end() is FetchState.DONE
    assert content_of(volume / source_of(hub).folder_name()) == wanted_of(repository)
    assert any(seen.range for seen in hub.content_requests[asked:])


def test_a_terminated_holder_gives_the_lock_back(hub: Hub, second: tuple[Fetcher, Fetcher], volume: Path) -> None:
    holder, waiter = second  # the test ends before a lock would be stale
    holder.end(signal.SIGTERM)
    assert holder.process.returncode == 128 + signal.SIGTERM
    hub.gate.open()
    assert waiter.end() is FetchState.DONE
    assert sorted(path.name for path in volume.iterdir()) == [source_of(hub).folder_name()]


def test_a_frozen_holder_ends_when_it_wakes(
    hub: Hub, burying: tuple[Fetcher, Fetcher], repository: Repository, volume: Path
) -> None:
    holder, waiter = burying
    holder.process.send_signal(signal.SIGSTOP)
    hub.gate.open()
    assert waiter.end() is FetchState.DONE
    assert holder.end(signal.SIGCONT) is FetchState.FAILED
    assert holder.events[-1].reason == "LockLost"
    assert content_of(volume / source_of(hub).folder_name()) == wanted_of(repository)
