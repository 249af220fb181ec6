"""What the network does to a download, and that the right files lie there in the end all the same."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.order import FetchState
from tests.hub.faults import Fault
from tests.weights.conftest import HURRY, Fetch, StartFetcher, content_of, order_for, source_of, wanted_of

if TYPE_CHECKING:
    from pathlib import Path

    from qwen3_runtime.weights.fetch.order import Pace
    from tests.hub.content import Repository
    from tests.hub.server import Hub

SHARD = "model-1.safetensors"
IMPATIENT = HURRY.model_copy(update={"stall_seconds": 1.0})
"""For a server that stalls on purpose, each time."""
WARY = HURRY.model_copy(update={"stall_seconds": 3.0})
"""For one that stalls once: no other wait is to be taken for a stall."""


def ranges(hub: Hub, path: str = SHARD) -> list[str]:
    return [seen.range for seen in hub.content_requests if seen.path.endswith(f"/cdn/{path}")]


def pace_for(fault: Fault, stalling: Pace) -> Pace:
    return HURRY if fault.stall_after is None else stalling


def offset(text: str) -> int:
    return int(text.removeprefix("bytes=").removesuffix("-"))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut_after=0),
        Fault(cut_after=123_456),
        Fault(stall_after=123_456),
        Fault(status=500),
        Fault(status=502),
        Fault(status=503),
        Fault(status=408),
        Fault(status=429),
        Fault(extra=b"<html>an error page at the end</html>"),
        Fault(flip_at=200_000),
    ],
    ids=str,
)
def test_one_fault_is_survived(hub: Hub, fetch: Fetch, repository: Repository, fault: Fault) -> None:
    hub.faults.add(SHARD, fault)
    assert content_of(fetch(source_of(hub), pace=pace_for(fault, WARY))) == wanted_of(repository)
    assert hub.faults.left == 0
    assert len(ranges(hub)) == 2


@pytest.mark.parametrize("fault", [Fault(cut_after=200_000), Fault(stall_after=200_000)], ids=str)
def test_goes_on_where_the_bytes_ended(hub: Hub, fetch: Fetch, fault: Fault) -> None:
    hub.faults.add(SHARD, fault)
    fetch(source_of(hub), pace=pace_for(fault, WARY))
    first, second = ranges(hub)
    assert first == ""
    assert offset(second) == 200_000


def test_cut_again_and_again(hub: Hub, fetch: Fetch, repository: Repository) -> None:
    """More failures than attempts, but each after new bytes."""
    hub.faults.add(SHARD, *(Fault(cut_after=40_000) for _ in range(6)))
    assert content_of(fetch(source_of(hub))) == wanted_of(repository)
    assert [offset(text) for text in ranges(hub)[1:]] == [40_000 * n for n in range(1, 7)]


def test_server_without_ranges(hub: Hub, fetch: Fetch, repository: Repository) -> None:
    hub.faults.add(SHARD, Fault(cut_after=200_000), Fault(ignore_range=True))
    assert content_of(fetch(source_of(hub))) == wanted_of(repository)


def test_retry_after_is_honoured(hub: Hub, fetch: Fetch) -> None:
    hub.faults.add(SHARD, Fault(status=429, headers={"Retry-After": "1"}))
    began = time.monotonic()
    fetch(source_of(hub))
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(status=503), "SourceUnavailable"),
        (Fault(cut_after=0), "SourceUnavailable"),
        (Fault(stall_after=0), "SourceStalled"),
    ],
    ids=str,
)
def test_gives_up_after_so_many_attempts(hub: Hub, fetch: Fetch, volume: Path, fault: Fault, reason: str) -> None:
    hub.faults.add(SHARD, *[fault] * 9)
    with pytest.raises(FetchError) as caught:
        fetch(source_of(hub), pace=pace_for(fault, IMPATIENT))
    assert caught.value.reason == reason
    assert len(ranges(hub)) == 4
    assert not (volume / source_of(hub).folder_name()).exists()


def test_wrong_content_is_fetched_again_and_then_refused(hub: Hub, fetch: Fetch, volume: Path) -> None:
    hub.faults.add(SHARD, *[Fault(flip_at=5)] * 9)
    with pytest.raises(FetchError) as caught:
        fetch(source_of(hub))
    assert caught.value.reason == "ChecksumMismatch"
    assert SHARD in caught.value.message
    assert len(ranges(hub)) == 3
    assert not (volume / source_of(hub).folder_name()).exists()


def test_small_file_with_wrong_content(hub: Hub, fetch: Fetch, repository: Repository) -> None:
    """Outside LFS the hub knows a git blob's SHA-1 only."""
    hub.faults.add("tokenizer.json", Fault(flip_at=5))
    assert content_of(fetch(source_of(hub))) == wanted_of(repository)
    assert hub.faults.left == 0


def test_an_attempt_goes_on_with_the_bytes_of_the_last(hub: Hub, fetch: Fetch, repository: Repository) -> None:
    hub.faults.add(SHARD, Fault(cut_after=100_000), *[Fault(status=503)] * 9)
    with pytest.raises(FetchError):
        fetch(source_of(hub))
    hub.faults.take(SHARD)
    while hub.faults.left:
        hub.faults.take(SHARD)
    hub.seen.clear()
    assert content_of(fetch(source_of(hub))) == wanted_of(repository)
    assert [offset(text) for text in ranges(hub)] == [100_000]
    assert len(hub.content_requests) < len(repository.files), "files that were whole are not fetched again"


def test_damaged_bytes_of_an_earlier_attempt(hub: Hub, fetch: Fetch, volume: Path, repository: Repository) -> None:
    """Right length, wrong content, e.g. after a power cut: only the checksum knows."""
    partial = volume / f".{source_of(hub).folder_name()}.partial"
    partial.mkdir()
    size = len(repository.files[SHARD])
    (partial / SHARD).write_bytes(bytes(size))
    (partial / "model-0.safetensors").write_bytes(bytes(10_000))
    (partial / "model-2.safetensors").write_bytes(bytes(size * 2))
    (partial / "of-an-older-revision.bin").write_bytes(b"old")
    assert content_of(fetch(source_of(hub))) == wanted_of(repository)


@pytest.mark.parametrize("status", [400, 404, 403])
def test_refusals_are_not_repeated(hub: Hub, fetch: Fetch, status: int) -> None:
    hub.faults.add(SHARD, *[Fault(status=status)] * 9)
    with pytest.raises(FetchError) as caught:
        fetch(source_of(hub))
    assert str(status) in caught.value.message
    assert len(ranges(hub)) == 1


def test_a_whole_model_needs_no_network(hub: Hub, fetch: Fetch) -> None:
    folder = fetch(source_of(hub))
    hub.seen.clear()
    assert fetch(source_of(hub)) == folder
    assert hub.seen == []


def test_a_lost_file_is_repaired(hub: Hub, fetch: Fetch, repository: Repository) -> None:
    folder = fetch(source_of(hub))
    (folder / SHARD).unlink()
    os.truncate(folder / "model-2.safetensors", 1000)
    hub.seen.clear()
    assert content_of(fetch(source_of(hub))) == wanted_of(repository)
    assert sorted(seen.path for seen in hub.content_requests if "/cdn/" in seen.path) == [
        f"/cdn/{SHARD}",
        "/cdn/model-2.safetensors",
    ]


def test_somebody_elses_folder_is_left_alone(hub: Hub, fetch: Fetch, volume: Path) -> None:
    occupied = volume / source_of(hub).folder_name()
    occupied.mkdir()
    (occupied / "mine.txt").write_text("keep")
    with pytest.raises(FetchError) as caught:
        fetch(source_of(hub))
    assert caught.value.reason == "FolderOccupied"
    assert (occupied / "mine.txt").read_text() == "keep"


def test_a_source_that_answers_nothing_is_told_in_the_same_words(
    hub: Hub, start_fetcher: StartFetcher, volume: Path
) -> None:
    hub.faults.add("LISTING", *[Fault(status=503)] * 10)
    pace = HURRY.model_copy(update={"attempts": 11})
    fetcher = start_fetcher(order_for(source_of(hub), volume, pace=pace))
    assert fetcher.end() is FetchState.DONE
    told = {(event.reason, event.message) for event in fetcher.events if event.state is FetchState.RETRYING}
    said = f"{source_of(hub).describe()} answers with HTTP status 503; it is asked again every two minutes or sooner."
    assert told == {("SourceUnavailable", said)}


def test_failures_between_bytes_are_not_told(hub: Hub, start_fetcher: StartFetcher, volume: Path) -> None:
    hub.faults.add(SHARD, Fault(cut_after=100_000), *[Fault(status=503)] * (HURRY.attempts - 2))
    fetcher = start_fetcher(order_for(source_of(hub, files=(SHARD,)), volume))
    assert fetcher.end() is FetchState.DONE
    assert FetchState.RETRYING not in {event.state for event in fetcher.events}
