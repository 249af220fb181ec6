"""PID 1's side: what a failed attempt looks like, and that the next one comes by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.config import Phase
from qwen3_runtime.weights.fetch import supervisor
from tests.hub.server import Hub
from tests.patience import HANG_SECONDS
from tests.weights.conftest import HURRY, content_of, source_of, wanted_of

if TYPE_CHECKING:
    from qwen3_runtime.sources import FetchProgress
    from tests.hub.content import Repository


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_RETRY_SECONDS", 0.1)


async def test_accepted_terms_are_noticed(repository: Repository, volume: Path) -> None:
    entered: list[tuple[Phase, str]] = []
    shown: list[FetchProgress] = []
    with Hub(repository, gated=True) as hub:
        source = source_of(hub)
        path = volume / source.folder_name()

        def enter(phase: Phase, reason: str, message: str) -> None:
            entered.append((phase, reason))
            assert message
            hub.gated = hub.gated and len(entered) < 3

        await supervisor.Supervisor(source, str(path), enter=enter, show=shown.append, pace=HURRY).run()
    phases = [phase for phase, _ in entered]
    assert phases[0] is Phase.FETCHING_WEIGHTS
    assert (Phase.WEIGHTS_INVALID, "GatedModel") in entered
    assert content_of(path) == wanted_of(repository)
    assert shown[-1].bytes_done == shown[-1].bytes_total


async def test_a_process_that_vanishes_is_started_again(hub: Hub, volume: Path) -> None:
    """E.g. killed for its memory. The new one takes the old one's lock at once."""
    hub.gate.close_after(400_000)
    source = source_of(hub)
    reasons: list[str] = []
    own = supervisor.Supervisor(
        source,
        str(volume / source.folder_name()),
        enter=lambda _phase, reason, _message: reasons.append(reason),
        show=lambda _: None,
        pace=HURRY,
    )
    running = asyncio.create_task(own.run())
    assert await asyncio.to_thread(hub.gate.reached.wait, HANG_SECONDS)
    os.kill(_fetcher(), signal.SIGKILL)
    hub.gate.open()
    await asyncio.wait_for(running, HANG_SECONDS)
    assert "FetcherDied" in reasons
    assert (volume / source.folder_name()).is_dir()


def _fetcher() -> int:
    """The child that fetches: other children of this process (a resource tracker, a port-forward) are not meant."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    (fetcher,) = (child for child in children if b"qwen3_runtime.weights.fetch" in _command(child))
    return int(fetcher)


def _command(process: str) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()
