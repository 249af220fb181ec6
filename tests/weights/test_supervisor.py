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
from tests.hub.faults import Fault
from tests.hub.server import Hub
from tests.patience import HANG_SECONDS
from tests.weights.conftest import HURRY, content_of, source_of, wanted_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_runtime.sources import FetchProgress, HubSource
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


async def watched(source: HubSource, volume: Path, tell: Callable[[Phase], None]) -> list[tuple[Phase, str, str]]:
    """Phases, reasons and messages of one fetch, each as often as it was entered anew."""
    entered: list[tuple[Phase, str, str]] = []

    def enter(phase: Phase, reason: str, message: str) -> None:
        if entered[-1:] != [(phase, reason, message)]:
            entered.append((phase, reason, message))
        tell(phase)

    path = str(volume / source.folder_name())
    own = supervisor.Supervisor(source, path, enter=enter, show=lambda _: None, pace=HURRY)
    await asyncio.wait_for(own.run(), HANG_SECONDS)
    return entered


async def test_a_hub_that_does_not_answer_is_told_once_and_until_bytes_flow(hub: Hub, volume: Path) -> None:
    """Over three processes: nothing that a new one does by itself hides what the last one found."""
    hub.faults.add("LISTING", *[Fault(status=503)] * (2 * HURRY.attempts + 1))
    hub.gate.close_after(400_000)

    def open_when_bytes_are_seen(phase: Phase) -> None:
        if phase is Phase.FETCHING_WEIGHTS and not hub.faults.left:
            hub.gate.open()

    first, blocked, flowing, *_ = await watched(source_of(hub), volume, open_when_bytes_are_seen)
    assert first[:2] == (Phase.FETCHING_WEIGHTS, "")
    assert blocked == (
        Phase.WEIGHTS_INVALID,
        "SourceUnavailable",
        f"{source_of(hub).describe()} answers with HTTP status 503; it is asked again every two minutes or sooner.",
    )
    assert flowing[:2] == (Phase.FETCHING_WEIGHTS, "")


async def test_a_listing_alone_does_not_hide_that_no_byte_comes(hub: Hub, volume: Path) -> None:
    """E.g. the hub may be reached, and the origin of its large files may not."""
    hub.large_files = "http://127.0.0.1:9"
    blocked: list[Phase] = []

    def mend_at_the_third_attempt(phase: Phase) -> None:
        if hub.large_files:
            blocked.append(phase)
        if sum(phase is Phase.WEIGHTS_INVALID for phase in blocked) > 2 and len(listings(hub)) > 2:
            hub.large_files = None

    source = source_of(hub, files=("model-*.safetensors",))
    entered = await watched(source, volume, mend_at_the_third_attempt)
    known = blocked[blocked.index(Phase.WEIGHTS_INVALID) :]
    assert set(known) == {Phase.WEIGHTS_INVALID}
    assert entered[[phase for phase, *_ in entered].index(Phase.WEIGHTS_INVALID)][1] == "SourceUnavailable"


def listings(hub: Hub) -> list[str]:
    return [seen.path for seen in hub.seen if "/api/models/" in seen.path]


def _fetcher() -> int:
    """The child that fetches: other children of this process (a resource tracker, a port-forward) are not meant."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    (fetcher,) = (child for child in children if b"qwen3_runtime.weights.fetch" in _command(child))
    return int(fetcher)


def _command(process: str) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()
