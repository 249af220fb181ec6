"""Adapters of a pod that starts: which of them it waits for, and for how long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from qwen3_runtime.config import AdapterFiles, AdapterState
from qwen3_runtime.lora import arrival
from qwen3_runtime.lora.arrival import arrive, load
from qwen3_runtime.weights.problem import Problem
from tests.unit.runtime.test_adapter_list import FakeHands, settled

if TYPE_CHECKING:
    from qwen3_runtime.lora.ports import Tell

LAW, BAD = AdapterFiles(name="law", path="/law"), AdapterFiles(name="bad", path="/bad")


async def test_those_that_are_right_go_on_and_the_others_are_told_of() -> None:
    hands = FakeHands()
    hands.bad.add("/bad")
    right, wrong = await arrive(hands, [BAD, LAW], lambda _reason, _message: None)
    assert right == (LAW,)
    (report,) = wrong
    assert (report.name, report.state, report.reason, report.message, report.path) == (
        *("bad", AdapterState.INVALID, "AdapterMismatch", "no"),
        "",
    )


async def test_what_is_under_way_is_waited_for_and_told() -> None:
    said: list[tuple[str, str]] = []

    class Slow(FakeHands):
        @override
        async def bring(self, files: AdapterFiles, tell: Tell) -> None:
            tell(AdapterState.FETCHING, Problem("", f"Fetching {files.name}."))
            await super().bring(files, tell)

    hands = Slow()
    hands.here.clear()
    arriving = asyncio.create_task(arrive(hands, [LAW], lambda reason, message: said.append((reason, message))))
    await settled()
    assert not arriving.done()
    assert said == [("", "Fetching law.")]
    hands.here.set()
    assert await arriving == ((LAW,), ())


async def test_nothing_goes_on_after_a_cancellation() -> None:
    hands = FakeHands()
    hands.here.clear()
    arriving = asyncio.create_task(arrive(hands, [LAW], lambda _reason, _message: None))
    await settled()
    before = asyncio.all_tasks()
    arriving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await arriving
    assert len(asyncio.all_tasks()) == len(before) - 2


async def test_a_fault_of_the_disk_is_not_hidden() -> None:
    class Broken(FakeHands):
        @override
        async def bring(self, files: AdapterFiles, tell: Tell) -> None:
            del tell
            raise OSError(5, "Input/output error", files.path)

    with pytest.raises(OSError, match="Input/output error"):
        await arrive(Broken(), [LAW], lambda _reason, _message: None)


async def test_one_that_the_engine_refuses_keeps_the_others_from_nothing() -> None:
    said: list[tuple[str, str]] = []
    hands = FakeHands()
    hands.refused.add("/bad")
    taken, refused = await load(hands, [BAD, LAW], lambda reason, message: said.append((reason, message)))
    assert taken == (LAW,)
    (report,) = refused
    assert (report.name, report.state, report.reason, report.message, report.path) == (
        *("bad", AdapterState.INVALID, "AdapterRefused", "The engine will not."),
        "",
    )
    assert hands.done == ["load /bad", "unload /bad", "load /law"]
    assert hands.released == ["/bad"]
    assert said == [("", "Loading adapter bad."), ("", "Loading adapter law.")]


async def test_what_the_engine_keeps_of_one_that_it_refused_is_no_reason_to_stop() -> None:
    hands = FakeHands()
    hands.refused.add("/bad")
    hands.kept.add("/bad")
    taken, (report,) = await load(hands, [BAD, LAW], lambda _reason, _message: None)
    assert (taken, report.message) == ((LAW,), "The engine will not.")
    assert hands.released == [], "the engine may have it open"


async def test_a_load_without_an_end_keeps_the_model_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(FakeHands):
        @override
        async def load(self, files: AdapterFiles) -> None:
            await super().load(files)
            if files is BAD:
                await asyncio.Event().wait()

    monkeypatch.setattr(arrival, "LOAD_SECONDS", 0.05)
    taken, (report,) = await load(Endless(), [BAD, LAW], lambda _reason, _message: None)
    assert taken == (LAW,)
    assert (report.reason, report.message) == (
        "AdapterRefused",
        "The engine has not loaded adapter bad within 0.05 s.",
    )
