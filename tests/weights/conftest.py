"""A small model, a hub that serves it, and ways to fetch it."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.sources import Hub as HubName
from qwen3_runtime.sources import HubSource, WeightSource
from qwen3_runtime.weights.fetch.job import Job
from qwen3_runtime.weights.fetch.order import FetchOrder, Pace
from tests.hub.content import Repository
from tests.hub.server import Hub
from tests.patience import HANG_SECONDS
from tests.unit.runtime.conftest import TINY
from tests.weights.process import Fetcher

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "Qwen/Qwen3-Tiny"
HURRY = Pace(
    stall_seconds=HANG_SECONDS,
    attempts=4,
    backoff_seconds=0.02,
    longest_backoff_seconds=0.1,
    longest_retry_after_seconds=2,
    report_seconds=0.05,
    lock_beat_seconds=0.1,
    lock_stale_seconds=10 * HANG_SECONDS,
)
"""Patience of a test, but with servers and holders of locks that this machine, or the test, keeps waiting."""
BURYING = HURRY.model_copy(update={"lock_stale_seconds": 1.5})
"""Where a holder dies."""

Fetch = Callable[..., Path]
StartFetcher = Callable[..., Fetcher]


def safetensors(seed: int, size: int) -> bytes:
    """A file of one tensor with ``size`` bytes of noise."""
    header = json.dumps({"t": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + random.Random(seed).randbytes(size)  # noqa: S311 - the same noise each time


def model_files(shard_bytes: int = 300_000) -> dict[str, bytes]:
    """A complete model of three shards, and things that no engine needs."""
    shards = {f"model-{n}.safetensors": safetensors(n, shard_bytes + n) for n in range(3)}
    index = {"weight_map": {f"t{n}": name for n, name in enumerate(shards)}}
    return {
        "config.json": json.dumps(TINY).encode(),
        "tokenizer.json": b"{}" * 500,
        "tokenizer_config.json": b'{"chat_template": ""}',
        "model.safetensors.index.json": json.dumps(index).encode(),
        "extra/notes with space.txt": b"",
        **shards,
        "pytorch_model.bin": b"the same once more",
        ".gitattributes": b"*.safetensors filter=lfs",
    }


WANTED = frozenset(model_files()) - {"pytorch_model.bin", ".gitattributes"}


@pytest.fixture
def repository() -> Repository:
    return Repository(NAME, model_files())


@pytest.fixture
def hub(repository: Repository) -> Iterator[Hub]:
    with Hub(repository) as running:
        yield running


@pytest.fixture(autouse=True)
def _closed_sessions() -> Iterator[None]:
    """The client of Hugging Face keeps its connections for the life of the process."""
    yield
    from huggingface_hub import close_session  # noqa: PLC0415

    close_session()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    made = tmp_path / "volume"
    made.mkdir()
    return made


def source_of(hub: Hub, name: HubName = HubName.HUGGING_FACE, **changes: Any) -> HubSource:
    return HubSource(**({"hub": name, "repository": NAME, "endpoint": hub.url} | changes))


def order_for(source: WeightSource, volume: Path, **changes: Any) -> FetchOrder:
    values: dict[str, Any] = {
        "source": source,
        "path": str(volume / source.folder_name()),
        "holder": "pod-a",
        "incarnation": "a",
        "pace": HURRY,
    }
    return FetchOrder(**(values | changes))


@pytest.fixture
def fetch(volume: Path) -> Fetch:
    """Fetch a source in this process; where it lies."""

    def run(source: WeightSource, **changes: Any) -> Path:
        order = order_for(source, volume, **changes)
        Job(order, lost=lambda: pytest.fail("nobody else was there")).run()
        return Path(order.path)

    return run


@pytest.fixture
def start_fetcher(tmp_path: Path) -> Iterator[StartFetcher]:
    """Start processes; none of them outlives the test."""
    made: list[Fetcher] = []

    def start(order: FetchOrder, around: tuple[str, ...] = ()) -> Fetcher:
        made.append(Fetcher(order, tmp_path / "log", around))
        return made[-1]

    yield start
    for fetcher in made:
        fetcher.end(signal.SIGKILL)


def content_of(folder: Path) -> dict[str, bytes]:
    """Files of a fetched model by path, without the manifest."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files.pop(".qwen3-weights.json"), "a whole model has a manifest"
    return files


def wanted_of(repository: Repository) -> dict[str, bytes]:
    """What a fetch without patterns brings."""
    return {path: content for path, content in repository.files.items() if path in WANTED}
