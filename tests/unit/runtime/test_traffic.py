"""Requests of a pod that ends."""

from __future__ import annotations

import asyncio
import time

import pytest

from qwen3_runtime.config import Phase
from qwen3_runtime.phases import Phases
from qwen3_runtime.server import errors
from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.traffic import InterruptedRequestError, Traffic
from tests.patience import HANG_SECONDS


async def test_quiet_begins_anew_with_each_request() -> None:
    traffic = Traffic(Phases(time.time, Phase.READY))
    waiting = asyncio.create_task(traffic.arrivals.quiet(0.5, within=HANG_SECONDS))
    loop = asyncio.get_running_loop()
    began = last = loop.time()
    while loop.time() < began + 1:
        await asyncio.sleep(0.01)
        if not waiting.done():
            with traffic.admit():
                last = loop.time()
    await waiting
    assert loop.time() - last >= 0.49


async def test_quiet_ends_although_requests_go_on() -> None:
    traffic = Traffic(Phases(time.time, Phase.READY))

    async def ask() -> None:
        while True:
            with traffic.admit():
                await asyncio.sleep(0.01)

    asking = asyncio.create_task(ask())
    await asyncio.wait_for(traffic.arrivals.quiet(HANG_SECONDS, within=0.2), HANG_SECONDS / 2)
    asking.cancel()


async def test_an_interruption_ends_a_request_once_and_never_its_farewell() -> None:
    traffic, told = Traffic(Phases(time.time, Phase.READY)), list[ErrorAnswer]()
    waits = asyncio.Event()

    async def request() -> None:
        with traffic.admit() as running:
            try:
                with running.interruptible():
                    waits.set()
                    await asyncio.Event().wait()
            except InterruptedRequestError as interruption:
                traffic.interrupt_all(errors.CLIENT_GONE)
                await asyncio.sleep(0)  # as an answer to a client that reads slowly
                told.append(interruption.answer)

    task = asyncio.create_task(request())
    await waits.wait()
    traffic.interrupt_all(errors.ENGINE_FAILED)
    traffic.interrupt_all(errors.CLIENT_GONE)
    await task
    assert (told, task.cancelling(), traffic.count) == ([errors.ENGINE_FAILED], 0, 0)


async def test_a_failure_of_its_own_is_told_though_the_client_goes_meanwhile() -> None:
    traffic, told = Traffic(Phases(time.time, Phase.READY)), list[str]()

    def fail() -> None:
        raise EngineError("gone")

    async def request() -> None:
        with traffic.admit() as running:
            try:
                with running.interruptible():
                    fail()
            except EngineError:
                running.interrupt(errors.CLIENT_GONE)
                await asyncio.sleep(0)
                told.append("engine failed")

    await asyncio.create_task(request())
    assert told == ["engine failed"]


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    traffic = Traffic(Phases(time.time, Phase.READY))

    async def request() -> None:
        with traffic.admit() as running, running.interruptible():
            await asyncio.Event().wait()

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert traffic.count == 0


async def test_who_is_let_in() -> None:
    phases = Phases(time.time, Phase.STARTING_ENGINE)
    traffic = Traffic(phases)

    def code() -> str:
        refusal = traffic.refusal()
        return refusal.code if refusal else ""

    assert code() == "not_ready"
    phases.enter(Phase.DRAINING)
    assert code() == "not_ready", "it never served"
    phases = Phases(time.time, Phase.READY)
    traffic = Traffic(phases)
    assert code() == ""
    phases.enter(Phase.DRAINING)
    assert code() == "", "endpoints still lead here"
    traffic.refuse_new()
    assert code() == "shutting_down"
    phases.enter(Phase.FAILED)
    assert code() == "not_ready"


async def test_quiet_is_counted_from_its_begin() -> None:
    traffic = Traffic(Phases(time.time, Phase.READY))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await traffic.arrivals.quiet(0.2, within=HANG_SECONDS)
    assert loop.time() - began >= 0.19, "no request ever came, and one may be on its way"
