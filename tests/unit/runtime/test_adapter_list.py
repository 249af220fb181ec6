"""Adapters that come and go: what is asked of the engine, and when requests may name them."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.config import AdapterFiles, AdapterList, AdapterReport, Adapters, AdapterState
from qwen3_runtime.lora import keeper as keeper_module
from qwen3_runtime.lora import listed
from qwen3_runtime.lora.keeper import AdapterKeeper
from qwen3_runtime.lora.listed import ListError, list_changed, with_list
from qwen3_runtime.weights.problem import FoundError, Problem
from tests.unit.runtime.conftest import make_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from qwen3_runtime.config import RuntimeConfig
    from qwen3_runtime.lora.ports import Tell

OLD, NEW = AdapterFiles(name="law", path="/law-1"), AdapterFiles(name="law", path="/law-2")
OTHER = AdapterFiles(name="support", path="/support")


class FakeHands:
    """An engine and a source that do at once what they are told, or wait."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.names: set[str] = set()
        self.changing: set[str] = set()
        self.reports: tuple[AdapterReport, ...] = ()
        self.history: list[dict[str, AdapterState]] = []
        self.here = asyncio.Event()
        self.here.set()
        self.unused = asyncio.Event()
        self.unused.set()
        self.bad: set[str] = set()
        self.refused: set[str] = set()
        self.kept: set[str] = set()
        self.released: list[str] = []
        self.on_load: Callable[[], None] = lambda: None

    async def bring(self, files: AdapterFiles, tell: Tell) -> None:
        if files.path in self.bad:
            tell(AdapterState.INVALID, Problem("AdapterMismatch", "no"))
            await asyncio.Event().wait()
        await self.here.wait()

    async def load(self, files: AdapterFiles) -> None:
        self.done.append(f"load {files.path}")
        self.on_load()
        if files.path in self.refused:
            raise FoundError("AdapterRefused", "The engine will not.")

    async def unload(self, files: AdapterFiles) -> None:
        await self.unused.wait()
        self.done.append(f"unload {files.path}")
        if files.path in self.kept:
            raise FoundError("AdapterRefused", "Not now.")

    async def release(self, files: AdapterFiles) -> None:
        self.released.append(files.path)

    def offer(self, names: Iterable[str], changing: Iterable[str]) -> None:
        self.names, self.changing = set(names), set(changing)

    def show(self, reports: tuple[AdapterReport, ...]) -> None:
        self.reports = reports
        self.history.append(self.states())

    def shown(self, name: str) -> list[AdapterState]:
        """Each state of an adapter, once where it stays."""
        told = [states[name] for states in self.history if name in states]
        return [state for state, _ in groupby(told)]

    def states(self) -> dict[str, AdapterState]:
        return {report.name: report.state for report in self.reports}


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_adapter_is_offered_once_it_is_loaded_and_until_it_is_to_go() -> None:
    hands = FakeHands()
    keeper = AdapterKeeper(hands, ())
    hands.here.clear()
    keeper.want([OLD])
    await settled()
    assert (hands.states(), hands.names, hands.done) == ({"law": AdapterState.FETCHING}, set(), [])
    hands.here.set()
    await settled()
    assert (hands.states(), hands.names, hands.done) == ({"law": AdapterState.SERVED}, {"law"}, ["load /law-1"])
    hands.unused.clear()
    keeper.want([])
    await settled()
    assert (hands.states(), hands.names) == ({"law": AdapterState.UNLOADING}, set())
    hands.unused.set()
    await settled()
    assert (hands.reports, hands.done) == ((), ["load /law-1", "unload /law-1"])


async def test_the_next_version_arrives_before_the_last_one_goes() -> None:
    hands = FakeHands()
    keeper = AdapterKeeper(hands, [OLD, OTHER])
    hands.here.clear()
    keeper.want([NEW, OTHER])
    await settled()
    assert hands.done == []
    hands.unused.clear()
    hands.here.set()
    await settled()
    assert (hands.names, hands.changing) == ({"support"}, {"law"})
    hands.unused.set()
    await settled()
    assert (hands.names, hands.changing) == ({"law", "support"}, set())
    assert hands.done == ["unload /law-1", "load /law-2"]
    assert {report.path for report in hands.reports} == {"/law-2", "/support"}


async def test_a_bad_version_leaves_the_last_one_and_a_good_one_takes_over() -> None:
    hands = FakeHands()
    keeper = AdapterKeeper(hands, [OLD])
    hands.bad.add("/bad")
    keeper.want([OLD.model_copy(update={"path": "/bad"}), OTHER])
    await settled()
    assert hands.states() == {"law": AdapterState.INVALID, "support": AdapterState.SERVED}
    assert next(report for report in hands.reports if report.name == "law").path == "/law-1"
    keeper.want([NEW])
    await settled()
    assert hands.states() == {"law": AdapterState.SERVED}
    assert hands.names == {"law"}


async def test_what_changes_back_is_left_alone() -> None:
    hands = FakeHands()
    keeper = AdapterKeeper(hands, [OLD])
    hands.here.clear()
    keeper.want([NEW])
    await settled()
    keeper.want([OLD])
    await settled()
    assert (hands.done, hands.states()) == ([], {"law": AdapterState.SERVED})


async def test_what_is_taken_out_while_its_last_version_ends_is_not_loaded() -> None:
    hands = FakeHands()
    keeper = AdapterKeeper(hands, [OLD])
    hands.unused.clear()
    keeper.want([NEW])
    await settled()
    keeper.want([])
    hands.unused.set()
    await settled()
    assert (hands.done, hands.names, hands.reports) == (["unload /law-1"], set(), ())


async def test_what_the_engine_refuses_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()
    hands.refused.add("/law-1")
    keeper = AdapterKeeper(hands, [OTHER])
    keeper.want([OLD, OTHER])
    await settled()
    assert hands.states() == {"law": AdapterState.INVALID, "support": AdapterState.SERVED}
    assert hands.names == {"support"}
    assert hands.done.count("load /law-1") > 1
    assert hands.shown("law") == [AdapterState.FETCHING, AdapterState.LOADING, AdapterState.INVALID]
    hands.refused.clear()
    await settled()
    assert (hands.states()["law"], hands.names) == (AdapterState.SERVED, {"law", "support"})
    assert hands.shown("law")[3:] == [AdapterState.SERVED]


async def test_another_version_of_what_was_refused_is_told_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()
    hands.refused.add("/law-1")
    keeper = AdapterKeeper(hands, ())
    keeper.want([OLD])
    await settled()
    hands.here.clear()
    keeper.want([NEW])
    await settled()
    assert hands.states() == {"law": AdapterState.FETCHING}
    hands.here.set()
    await settled()
    assert hands.states() == {"law": AdapterState.SERVED}


async def test_a_version_that_the_engine_refuses_gives_way_to_the_last_one() -> None:
    hands = FakeHands()
    hands.refused.add("/law-2")
    keeper = AdapterKeeper(hands, [OLD])
    keeper.want([NEW])
    await settled()
    assert hands.done == ["unload /law-1", "load /law-2", "unload /law-2", "load /law-1"]
    assert (hands.names, hands.changing, hands.released) == ({"law"}, set(), ["/law-2"])
    (report,) = hands.reports
    assert (report.state, report.reason, report.path) == (AdapterState.INVALID, "AdapterRefused", "/law-1")
    assert report.message == "The engine will not. The one before it is served on: /law-1."
    # Each try takes the name away for a moment: there is none until the adapter is listed otherwise.
    keeper.want([NEW, OTHER])
    await settled()
    assert hands.done[4:] == ["load /support"]
    keeper.want([OLD, OTHER])
    await settled()
    assert (hands.done[5:], hands.states()["law"]) == ([], AdapterState.SERVED)
    hands.refused.clear()
    keeper.want([NEW, OTHER])
    await settled()
    assert hands.done[5:] == ["unload /law-1", "load /law-2"]
    assert (hands.states()["law"], hands.released) == (AdapterState.SERVED, ["/law-2", "/law-1"])


async def test_what_the_engine_takes_back_no_more_is_tried_as_it_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()
    hands.refused |= {"/law-1", "/law-2"}
    keeper = AdapterKeeper(hands, [OLD, OTHER])
    keeper.want([NEW, OTHER])
    await settled()
    assert (hands.names, hands.released[:2]) == ({"support"}, ["/law-2", "/law-1"])
    assert {report.name: report.path for report in hands.reports} == {"law": "", "support": "/support"}
    hands.refused.clear()
    await settled()
    assert (hands.names, hands.states()["law"]) == ({"law", "support"}, AdapterState.SERVED)
    assert "/law-1" not in hands.done[-1]


async def test_what_is_taken_out_while_the_engine_refuses_it_is_not_loaded_again() -> None:
    hands = FakeHands()
    hands.refused.add("/law-2")
    hands.unused.clear()
    keeper = AdapterKeeper(hands, [OLD])
    keeper.want([NEW])
    await settled()
    hands.on_load = lambda: keeper.want([])
    hands.unused.set()
    await settled()
    assert hands.done == ["unload /law-1", "load /law-2", "unload /law-2"]
    assert (hands.names, hands.reports) == (set(), ())
    assert hands.released == ["/law-2", "/law-1"]


async def test_what_the_engine_does_not_let_go_of_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()
    hands.kept.add("/law-1")
    keeper = AdapterKeeper(hands, [OLD, OTHER])
    keeper.want([OTHER])
    await settled()
    assert (hands.names, hands.released, hands.states()["law"]) == ({"support"}, [], AdapterState.INVALID)
    assert hands.reports[0].message == "Not now. The engine has not let go of /law-1."
    hands.kept.clear()
    await settled()
    assert (hands.states(), hands.released) == ({"support": AdapterState.SERVED}, ["/law-1"])
    assert set(hands.done) == {"unload /law-1"}
    asked = len(hands.done)
    await settled()
    assert len(hands.done) == asked


@pytest.mark.parametrize("next_one", [NEW, OLD])
async def test_nothing_is_loaded_over_what_the_engine_does_not_let_go_of(
    next_one: AdapterFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()
    hands.kept.add("/law-1")
    keeper = AdapterKeeper(hands, [OLD])
    keeper.want([NEW])
    await settled()
    keeper.want([next_one])
    await settled()
    assert (set(hands.done), hands.names, hands.changing) == ({"unload /law-1"}, set(), set())
    (report,) = hands.reports
    assert (report.state, report.reason, report.path) == (AdapterState.INVALID, "AdapterRefused", "")
    hands.kept.clear()
    await settled()
    assert hands.done[-2:] == ["unload /law-1", f"load {next_one.path}"]
    assert (hands.names, hands.released, hands.states()) == ({"law"}, ["/law-1"], {"law": AdapterState.SERVED})


async def test_what_the_engine_neither_loads_nor_forgets_is_not_loaded_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()
    hands.refused.add("/law-2")
    hands.kept.add("/law-2")
    keeper = AdapterKeeper(hands, [OLD])
    keeper.want([NEW])
    await settled()
    assert [done for done in hands.done if done.startswith("load")] == ["load /law-2"]
    assert (hands.names, hands.states(), "/law-2" in hands.released) == (set(), {"law": AdapterState.INVALID}, False)
    keeper.want([OLD])
    hands.kept.clear()
    await settled()
    assert (hands.done[-2:], hands.names) == (["unload /law-2", "load /law-1"], {"law"})


async def test_what_nobody_thought_of_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()
    right = hands.bring

    async def broken(files: AdapterFiles, tell: Tell) -> None:
        if files.name == "law":
            raise TypeError("'int' object is not iterable")
        await right(files, tell)

    monkeypatch.setattr(hands, "bring", broken)
    keeper = AdapterKeeper(hands, [OLD])
    keeper.want([NEW, OTHER])
    await settled()
    assert (hands.names, hands.states()["support"]) == ({"law", "support"}, AdapterState.SERVED)
    (report,) = (report for report in hands.reports if report.name == "law")
    assert (report.state, report.reason, report.path) == (AdapterState.INVALID, "Unexpected", "/law-1")
    assert report.message.startswith("adapter law: TypeError: 'int' object is not iterable. The pod's log has more.")
    (line,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert line.exc_info is not None
    monkeypatch.setattr(hands, "bring", right)
    await settled()
    assert (hands.done[-1], hands.states()["law"]) == ("load /law-2", AdapterState.SERVED)
    monkeypatch.setattr(hands, "bring", broken)
    keeper.want([OLD, OTHER])
    await settled()
    await keeper.close()
    assert [record.levelname for record in caplog.records].count("ERROR") == 2


async def test_a_fault_of_the_disk_is_told_with_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = FakeHands()

    async def broken(files: AdapterFiles, tell: Tell) -> None:
        del tell
        raise OSError(5, "Input/output error", files.path)

    monkeypatch.setattr(hands, "bring", broken)
    keeper = AdapterKeeper(hands, ())
    keeper.want([OLD])
    await settled()
    (report,) = hands.reports
    assert (report.state, report.reason) == (AdapterState.INVALID, "Unreadable")
    assert report.message == "adapter law: /law-1: Input/output error."
    await keeper.close()


async def test_what_a_broken_load_may_have_left_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0)
    hands = FakeHands()

    def break_once() -> None:
        hands.on_load = lambda: None
        raise TypeError

    hands.on_load = break_once
    keeper = AdapterKeeper(hands, [OLD])
    keeper.want([NEW])
    await settled()
    assert hands.done == ["unload /law-1", "load /law-2", "unload /law-2", "load /law-2"]
    assert (hands.names, set(hands.released)) == ({"law"}, {"/law-1", "/law-2"})


async def test_nothing_goes_on_after_the_end() -> None:
    hands = FakeHands()
    keeper = AdapterKeeper(hands, ())
    hands.here.clear()
    keeper.want([OLD])
    await settled()
    await keeper.close()
    hands.here.set()
    await settled()
    assert hands.done == []


def following(path: Path) -> RuntimeConfig:
    return make_config(adapters=Adapters(rank=8, slots=2, targets=("q_proj",), list_path=str(path)))


def write(path: Path, *files: AdapterFiles) -> None:
    path.write_text(AdapterList(files=files).model_dump_json(by_alias=True))


async def test_a_list_is_followed_and_a_broken_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listed, "LOOK_SECONDS", 0)
    path = tmp_path / "adapters.json"
    write(path, OLD)
    config = with_list(following(path))
    assert config.names == ("qwen3-tiny", "law")
    waiting = asyncio.create_task(list_changed(config))
    await settled()
    assert not waiting.done()
    path.write_text("{")
    await settled()
    path.unlink()
    await settled()
    write(path, OLD)
    await settled()
    path.unlink()
    await settled()
    assert not waiting.done()
    broken, *missing = (record.getMessage() for record in caplog.records)
    assert "Invalid JSON" in broken
    assert missing == [f"adapters stay as they are: {path} cannot be read: No such file or directory"] * 2
    write(path, OLD, OTHER)
    assert (await waiting).names == ("qwen3-tiny", "law", "support")


def test_a_pod_without_its_list_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ListError, match=r"adapters\.json cannot be read: No such file"):
        with_list(following(tmp_path / "adapters.json"))
    (tmp_path / "adapters.json").write_text('{"files": 1}')
    with pytest.raises(ListError, match=r"adapters\.json: Input should be a valid array"):
        with_list(following(tmp_path / "adapters.json"))
