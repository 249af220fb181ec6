"""How a pod's life ends: in order, by its engine, or where something goes wrong that nobody thought of."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from typing_extensions import override

from qwen3_runtime.config import Phase, Shutdown, TerminationReason
from qwen3_runtime.lifecycle import FatalError, Lifecycle
from qwen3_runtime.phases import Phases
from qwen3_runtime.server.arrivals import LONGEST_LAME_DUCK
from qwen3_runtime.server.traffic import InterruptedRequestError, Traffic
from qwen3_runtime.settings import Settings
from qwen3_runtime.termination import Termination
from tests.unit.runtime.conftest import make_config


class Pod(Lifecycle):
    """Serves without an engine until it is told to fail."""

    def __init__(self, phases: Phases) -> None:
        unused = cast("Any", None)
        config = make_config(shutdown=Shutdown(lame_duck_seconds=0.1, drain_seconds=0.5))
        super().__init__(
            settings=Settings(config, 1, 2, Path("/none"), Path("/none"), Path("/none"), 60),
            adapter=unused,
            phases=phases,
            traffic=Traffic(phases),
            upstream=unused,
            engine_port=3,
            offer=unused,
        )
        self.failed = asyncio.Event()

    @override
    async def _serve(self) -> NoReturn:
        await self.failed.wait()
        raise FatalError(Termination(TerminationReason.ENGINE_DIED, "gone"))


def told() -> asyncio.Event:
    """SIGTERM came."""
    stop = asyncio.Event()
    stop.set()
    return stop


@pytest.fixture
def pod() -> Pod:
    phases = Phases(time.time)
    phases.enter(Phase.READY)
    return Pod(phases)


async def test_an_engine_that_dies_is_why_the_pod_ends(pod: Pod) -> None:
    running = asyncio.create_task(pod.run(asyncio.Event()))
    pod.failed.set()
    why = await running
    assert why is not None
    assert (why.reason, pod._phases.current) == (TerminationReason.ENGINE_DIED, Phase.FAILED)


async def test_a_drain_that_breaks_is_no_end_in_order(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the drain broke")

    monkeypatch.setattr(pod._traffic.arrivals, "quiet", broken)
    with pytest.raises(RuntimeError, match="the drain broke"):
        await pod.run(told())


async def test_a_pod_that_never_served_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = Pod(Phases(time.time))
    monkeypatch.setattr(pod._traffic.arrivals, "quiet", lambda *_, **__: pytest.fail("nobody can know of it"))
    assert await pod.run(told()) is None


async def test_new_requests_are_served_for_a_while_and_running_ones_finish(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    traffic, waits, quiet = pod._traffic, asyncio.Event(), asyncio.Event()
    waited: list[tuple[float, float]] = []

    async def wait(seconds: float, within: float) -> None:
        waited.append((seconds, within))
        waits.set()
        await quiet.wait()

    monkeypatch.setattr(traffic.arrivals, "quiet", wait)
    with traffic.admit():
        running = asyncio.create_task(pod.run(told()))
        await waits.wait()
        assert traffic.refusal() is None, "endpoints still lead here"
        quiet.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert traffic.refusal() is not None
        assert not running.done()
    assert await running is None
    assert waited[0] == pytest.approx((0.1, LONGEST_LAME_DUCK * 0.1))


async def test_what_runs_longer_than_the_drain_is_cut(pod: Pod) -> None:
    cut: list[str] = []

    async def request() -> None:
        try:
            with pod._traffic.admit() as running, running.interruptible():
                await asyncio.Event().wait()
        except InterruptedRequestError as interruption:
            cut.append(interruption.answer.code)

    asking = asyncio.create_task(request())
    await asyncio.sleep(0)
    began = time.monotonic()
    assert await pod.run(told()) is None
    await asking
    assert cut == ["shutting_down"]
    assert time.monotonic() - began >= 0.49
