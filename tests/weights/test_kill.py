"""SIGKILL at ten random bytes of the download; after each, nothing may look whole, and in the end everything is."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from qwen3_runtime.weights.fetch.folder import ModelFolder
from qwen3_runtime.weights.fetch.order import FetchState
from tests.hub.content import Repository
from tests.hub.server import Hub
from tests.patience import HANG_SECONDS, until
from tests.weights.conftest import (
    NAME,
    StartFetcher,
    content_of,
    model_files,
    order_for,
    source_of,
    wanted_of,
)

KILLS = 10
SEED = 20261124


def lies(folder: ModelFolder) -> int:
    """Bytes that a process has put down."""
    return sum(path.stat().st_size for path in folder.partial.rglob("*") if path.is_file())


@pytest.mark.timeout(900)  # eleven processes, one after the other
def test_kill_at_ten_random_bytes(volume: Path, start_fetcher: StartFetcher) -> None:
    repository = Repository(NAME, model_files(shard_bytes=1_500_000))
    size = sum(len(content) for content in wanted_of(repository).values())
    rng = random.Random(SEED)  # noqa: S311 - the same bytes each time
    positions = sorted(rng.sample(range(1, size), KILLS))
    with Hub(repository) as hub:
        source = source_of(hub)
        order = order_for(source, volume)
        folder = ModelFolder(Path(order.path), source.folder_name())
        for position in positions:
            hub.gate.close_after(position - lies(folder))
            fetcher = start_fetcher(order)
            assert hub.gate.reached.wait(HANG_SECONDS), f"the download ended before byte {position}"
            time.sleep(rng.uniform(0, 0.05))  # what was sent is on its way into the file, or lies there
            if position == positions[-1]:
                until(lambda: lies(folder) > size / 2)  # there is something to resume from
            fetcher.end(signal.SIGKILL)
            hub.gate.open()
            assert not folder.final.exists(), f"killed at byte {position}, and the model looks whole"
        asked = len(hub.content_requests)
        fetcher = start_fetcher(order)
        assert (fetcher.end(), fetcher.process.returncode) == (FetchState.DONE, 0)
        assert content_of(folder.final) == wanted_of(repository)
        assert any(seen.range for seen in hub.content_requests[asked:])
        assert sorted(path.name for path in volume.iterdir()) == [folder.final.name], "no lock, no partial folder"
