"""A volume that keeps models: warm starts, a limit, and nothing removed from under a pod."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.config import ModelCache, Phase
from qwen3_runtime.sources import WeightsOrigin
from qwen3_runtime.weights.fetch import supervisor
from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.folder import ModelFolder
from qwen3_runtime.weights.fetch.job import Job
from qwen3_runtime.weights.fetch.lock import FetchLock, LockRecord
from qwen3_runtime.weights.fetch.order import FetchState
from qwen3_runtime.weights.fetch.users import DEAD_SECONDS
from tests.hub.content import Repository
from tests.hub.server import Hub
from tests.patience import HANG_SECONDS
from tests.weights.conftest import (
    BURYING,
    HURRY,
    NAME,
    StartFetcher,
    content_of,
    model_files,
    order_for,
    source_of,
    wanted_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qwen3_runtime.sources import HubSource
    from tests.weights.process import Fetcher

    Ask = Callable[..., WeightsOrigin]

UNLIMITED = ModelCache()
REVISIONS = ("", "main", "master")
"""Of the stand-in; each is another model in the volume, all of one size."""
KILLS = 10
SEED = 20261124


@pytest.fixture
def models(hub: Hub) -> tuple[HubSource, ...]:
    return tuple(source_of(hub, revision=revision) for revision in REVISIONS)


@pytest.fixture
def size(repository: Repository) -> int:
    return sum(map(len, wanted_of(repository).values()))


@pytest.fixture
def two(size: int) -> ModelCache:
    """A limit that two models keep and three do not."""
    return ModelCache(size_limit_bytes=2 * size + size // 2)


@pytest.fixture
def ask(volume: Path) -> Ask:
    """One pod's fetch, in this process; a pod that ``stays`` goes on using the model."""

    def run(source: HubSource, pod: str = "pod-a", *, stays: bool = False, **changes: Any) -> WeightsOrigin:
        order = order_for(source, volume, holder=pod, incarnation=pod, **({"cache": UNLIMITED} | changes))
        origin = Job(order, lost=lambda: pytest.fail("nobody else was there")).run()
        if not stays:
            folder_of(source, volume).users.leave(order.mark)
        return origin

    return run


def folder_of(source: HubSource, volume: Path) -> ModelFolder:
    return ModelFolder(volume / source.folder_name(), source.folder_name())


def present(models: tuple[HubSource, ...], volume: Path) -> list[bool]:
    return [folder_of(source, volume).is_whole() for source in models]


def wait_for_any(pods: list[Fetcher]) -> Fetcher:
    """The first process that ends."""
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline:
        for pod in pods:
            if pod.process.poll() is not None:
                return pod
        time.sleep(0.05)
    raise AssertionError("all go on")


def unused_for(source: HubSource, volume: Path, seconds: float) -> None:
    """Put back the clock of all that tells of a use."""
    marks = volume / f".{source.folder_name()}.users"
    for path in (*marks.iterdir(), marks):
        os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_the_next_pod_starts_without_a_request(hub: Hub, ask: Ask, models: tuple[HubSource, ...]) -> None:
    assert ask(models[0]) is WeightsOrigin.SOURCE
    hub.seen.clear()
    assert ask(models[0], "pod-b") is WeightsOrigin.CACHE
    assert hub.seen == []


def test_a_pod_that_waited_says_so(hub: Hub, volume: Path, start_fetcher: StartFetcher) -> None:
    hub.gate.close_after(400_000)
    pods = []
    for name in ("pod-a", "pod-b"):
        order = order_for(source_of(hub), volume, holder=name, incarnation=name, cache=UNLIMITED)
        pods.append(start_fetcher(order))
        pods[-1].wait_for(FetchState.DOWNLOADING if name == "pod-a" else FetchState.WAITING)
    hub.gate.open()
    assert [pod.end() for pod in pods] == [FetchState.DONE, FetchState.DONE]
    assert [pod.events[-1].origin for pod in pods] == [WeightsOrigin.SOURCE, WeightsOrigin.OTHER_POD]


def test_another_revision_is_another_copy(volume: Path, ask: Ask, repository: Repository) -> None:
    newer = Repository(NAME, repository.files | {"config.json": b'{"newer": true}'})
    for known in (repository, newer):
        with Hub(known) as hub:
            source = source_of(hub, revision=known.commit)
            assert ask(source) is WeightsOrigin.SOURCE
            assert content_of(volume / source.folder_name()) == wanted_of(known)
    assert len(list(volume.glob("[!.]*"))) == 2


def test_without_a_limit_everything_stays(volume: Path, ask: Ask, models: tuple[HubSource, ...]) -> None:
    for source in models:
        ask(source)
    assert present(models, volume) == [True, True, True]


def test_above_the_limit_the_least_recently_used_goes(
    volume: Path, ask: Ask, models: tuple[HubSource, ...], two: ModelCache
) -> None:
    for source, hours in zip(models[:2], (3, 2), strict=True):
        ask(source, cache=two)
        unused_for(source, volume, hours * 3600)
    assert ask(models[0], cache=two) is WeightsOrigin.CACHE, "and was used just now"
    assert ask(models[2], cache=two) is WeightsOrigin.SOURCE
    assert present(models, volume) == [True, False, True]
    left = {path.name for path in volume.iterdir()}
    assert not any(models[1].folder_name() in name for name in left), left


def test_what_a_pod_uses_is_not_removed_and_the_pod_is_named(
    volume: Path, ask: Ask, models: tuple[HubSource, ...], two: ModelCache
) -> None:
    for source, pod in zip(models[:2], ("pod-x", "pod-y"), strict=True):
        ask(source, pod, stays=True, cache=two)
    with pytest.raises(FetchError, match=r"in use are .* pod-[xy]\).* pod-[xy]\)") as caught:
        ask(models[2], "pod-z", cache=two)
    assert caught.value.reason == "CacheFull"
    assert present(models, volume) == [True, True, False]
    unused_for(models[0], volume, DEAD_SECONDS + 1)  # the pod was killed with its node
    assert ask(models[2], "pod-z", cache=two) is WeightsOrigin.SOURCE
    assert present(models, volume) == [False, True, True]


def test_a_model_above_the_limit_removes_nothing(
    volume: Path, ask: Ask, models: tuple[HubSource, ...], size: int
) -> None:
    ask(models[0])
    with pytest.raises(FetchError) as caught:
        ask(models[1], cache=ModelCache(size_limit_bytes=size - 1))
    assert caught.value.reason == "CacheFull"
    assert present(models, volume) == [True, False, False]


def test_what_a_killed_fetch_left_goes_too(  # noqa: PLR0917 - fixtures
    hub: Hub, volume: Path, models: tuple[HubSource, ...], ask: Ask, start_fetcher: StartFetcher, size: int
) -> None:
    """First it counts as what it would have become; when its lock and its mark are old, it is in nobody's use."""
    limit = ModelCache(size_limit_bytes=2 * size)
    hub.gate.close_after(400_000)
    dead = start_fetcher(order_for(models[0], volume, holder="dead", incarnation="dead", cache=limit))
    assert hub.gate.reached.wait(HANG_SECONDS)
    dead.end(signal.SIGKILL)
    hub.gate.open()
    ask(models[1], cache=limit, stays=True)
    with pytest.raises(FetchError, match=r"dead\)"):
        ask(models[2], cache=limit)
    folder = folder_of(models[0], volume)
    unused_for(models[0], volume, DEAD_SECONDS + 1)
    os.utime(folder.lock, (time.time() - DEAD_SECONDS - 1,) * 2)
    assert ask(models[2], cache=limit, pace=BURYING) is WeightsOrigin.SOURCE
    assert present(models, volume) == [False, True, True]
    assert not folder.partial.exists()
    assert not folder.lock.exists()


def test_fetches_at_the_same_time_do_not_promise_the_same_room(
    hub: Hub, volume: Path, models: tuple[HubSource, ...], start_fetcher: StartFetcher, two: ModelCache
) -> None:
    hub.gate.close_after(1)
    pods = [
        start_fetcher(order_for(source, volume, holder=name, incarnation=name, cache=two))
        for source, name in zip(models, "abc", strict=True)
    ]
    refused = wait_for_any(pods)
    hub.gate.open()
    assert sorted(str(pod.end()) for pod in pods) == [FetchState.DONE, FetchState.DONE, FetchState.FAILED]
    assert refused.events[-1].reason == "CacheFull"
    assert sum(present(models, volume)) == 2


def test_a_pod_that_comes_while_its_model_is_about_to_be_removed_waits(
    volume: Path, models: tuple[HubSource, ...], ask: Ask, repository: Repository
) -> None:
    ask(models[0])
    folder = folder_of(models[0], volume)
    remover = FetchLock(
        folder.lock, LockRecord(holder="pod-r", incarnation="r", removes=True), HURRY, lambda: pytest.fail("lost")
    )
    assert remover.acquire(lambda _: None, lambda _: False)
    origins: list[WeightsOrigin] = []
    comer = threading.Thread(target=lambda: origins.append(ask(models[0], "pod-c")))
    comer.start()
    comer.join(5 * HURRY.lock_beat_seconds)
    assert comer.is_alive(), "it trusts nothing that is about to go"
    folder.remove()
    remover.release()
    comer.join(HANG_SECONDS)
    assert origins == [WeightsOrigin.SOURCE]
    assert content_of(folder.final) == wanted_of(repository)


@pytest.mark.timeout(900)  # eleven processes, one after the other
def test_kill_at_ten_random_bytes_in_a_shared_cache(volume: Path, start_fetcher: StartFetcher) -> None:
    """One pod fetches and is killed, the next one waits and goes on; an older model has to go for the new one."""
    repository = Repository(NAME, model_files(shard_bytes=1_500_000))
    size = sum(len(content) for content in wanted_of(repository).values())
    cache = ModelCache(size_limit_bytes=size + size // 2)
    rng = random.Random(SEED)  # noqa: S311 - the same bytes each time
    positions = sorted(rng.sample(range(1, size), KILLS))

    def start(source: HubSource, name: str) -> Fetcher:
        return start_fetcher(order_for(source, volume, holder=name, incarnation=name, cache=cache, pace=BURYING))

    with Hub(repository) as hub:
        old, new = (source_of(hub, revision=revision) for revision in REVISIONS[:2])
        assert start(old, "old").end() is FetchState.DONE
        unused_for(old, volume, DEAD_SECONDS + 1)
        folder = folder_of(new, volume)
        hub.gate.close_after(positions[0])
        holder = start(new, "pod-0")
        for number, position in enumerate(positions, start=1):
            assert hub.gate.reached.wait(HANG_SECONDS), f"the download ended before byte {position}"
            holder.end(signal.SIGKILL)
            hub.gate.open()
            assert not folder.final.exists(), f"killed at byte {position}, and the model looks whole"
            if number < KILLS:
                hub.gate.close_after(positions[number] - position)
            holder = start(new, f"pod-{number}")
            holder.wait_for(FetchState.WAITING)
        assert holder.end() is FetchState.DONE, holder.log.read_text()
        assert holder.events[-1].origin is WeightsOrigin.SOURCE
        assert content_of(folder.final) == wanted_of(repository)
        assert [path.name for path in volume.glob("[!.]*")] == [folder.final.name], "the old one went"
        assert not [*volume.glob(".*.lock"), *volume.glob(".*.partial")]


async def test_a_pod_uses_its_model_until_it_ends(hub: Hub, volume: Path) -> None:
    source = source_of(hub)
    folder = folder_of(source, volume)
    phases: list[Phase] = []
    own = supervisor.Supervisor(
        source,
        str(folder.final),
        cache=UNLIMITED,
        enter=lambda phase, *_: phases.append(phase),
        show=lambda _: None,
        pace=HURRY,
    )
    assert await own.run() is WeightsOrigin.SOURCE
    assert len(folder.users.active(time.time())) == 1
    await own.close()
    assert folder.users.active(time.time()) == ()
    assert Phase.WEIGHTS_INVALID not in phases
