"""How a pod's life ends where something goes wrong that nobody thought of."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from qwen3_runtime.config import Phase, TerminationReason
from qwen3_runtime.lifecycle import FatalError, Lifecycle
from qwen3_runtime.phases import Phases
from qwen3_runtime.server.traffic import Traffic
from qwen3_runtime.settings import Settings
from qwen3_runtime.termination import Termination
from tests.unit.runtime.conftest import make_config


class Pod(Lifecycle):
    """Serves without an engine until it is told to fail."""

    def __init__(self, phases: Phases) -> None:
        unused = cast("Any", None)
        super().__init__(
            settings=Settings(make_config(), 1, 2, Path("/none"), Path("/none"), Path("/none"), 60),
            adapter=unused,
            phases=phases,
            traffic=Traffic(phases),
            upstream=unused,
            engine_port=3,
            offer=unused,
        )
        self.failed = asyncio.Event()

    async def _serve(self) -> NoReturn:
        await self.failed.wait()
        raise FatalError(Termination(TerminationReason.ENGINE_DIED, "gone"))


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

    monkeypatch.setattr(pod._traffic, "quiet", broken)
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(RuntimeError, match="the drain broke"):
        await pod.run(stop)
