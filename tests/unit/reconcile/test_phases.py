from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from qwen3_operator.reconcile import management, phases
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.observed import Unreachable
from qwen3_operator.reconcile.phases import PhasePoller
from qwen3_runtime.config import Phase, PhaseReport
from tests.unit.reconcile.samples import pod

if TYPE_CHECKING:
    import pytest


class Pod:
    """The management port of one pod on loopback."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers

    async def phase(self, _: web.Request) -> web.Response:
        return web.Response(text=self.answers.pop(0))


async def poll(
    monkeypatch: pytest.MonkeyPatch, answers: list[str], rounds: int, *, ready: bool = False
) -> tuple[PhasePoller, list[Key]]:
    """Let a poller ask a pod that gives these answers."""
    server, cache, keys = Pod(answers), Cache(), list[Key]()
    app = web.Application()
    app.add_routes([web.get("/phase", server.phase)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setattr(management, "MANAGEMENT_PORT", runner.addresses[0][1])
    cache.put(Kind.POD, pod(ready=ready, podIP="127.0.0.1"))
    poller = PhasePoller(cache, keys.append)
    async with aiohttp.ClientSession() as session:
        for _ in range(rounds):
            await poller._round(session)
    await runner.cleanup()
    return poller, keys


def answer(phase: Phase) -> str:
    return PhaseReport(phase=phase).model_dump_json(by_alias=True)


async def test_a_changed_report_asks_for_a_reconcile_and_the_same_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    checking, starting = answer(Phase.CHECKING_WEIGHTS), answer(Phase.STARTING_ENGINE)
    poller, keys = await poll(monkeypatch, [checking, checking, starting], 3)
    assert keys == [Key("team-a", "chat")] * 2
    assert poller.view("uid-chat-0") == PhaseReport(phase=Phase.STARTING_ENGINE)


async def test_silence_is_a_finding_after_the_third_time(monkeypatch: pytest.MonkeyPatch) -> None:
    poller, keys = await poll(monkeypatch, ["not json", "not json"], 2)
    assert (poller.view("uid-chat-0"), keys) == (None, [])
    poller, keys = await poll(monkeypatch, ["not json"] * 3, 3)
    assert isinstance(poller.view("uid-chat-0"), Unreachable)
    assert keys == [Key("team-a", "chat")]


async def test_a_pod_that_serves_is_asked_until_its_last_report(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [answer(Phase.WARMING_UP), answer(Phase.READY), "never read"]
    await poll(monkeypatch, answers, 3, ready=True)
    assert answers == ["never read"]


async def test_what_nobody_thought_of_ends_no_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = asyncio.Semaphore(0)

    async def broken(*_: object) -> None:
        rounds.release()
        raise KeyError("odd")

    monkeypatch.setattr(phases, "_PERIOD_SECONDS", 0)
    monkeypatch.setattr(PhasePoller, "_round", broken)
    task = asyncio.create_task(PhasePoller(Cache(), lambda _: None).run())
    for _ in range(2):
        await rounds.acquire()
    task.cancel()


async def test_a_pod_that_serves_and_is_silent_is_asked_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phases, "_RARE_ROUNDS", 6)
    answers = [answer(Phase.WARMING_UP), "no", "no", "no", answer(Phase.READY), "never read"]
    poller, _ = await poll(monkeypatch, answers, 5, ready=True)
    assert isinstance(poller.view("uid-chat-0"), Unreachable)
    answers = [answer(Phase.WARMING_UP), "no", "no", "no", answer(Phase.READY), "never read"]
    poller, _ = await poll(monkeypatch, answers, 7, ready=True)
    assert poller.view("uid-chat-0") == PhaseReport(phase=Phase.READY)
    assert answers == ["never read"]


async def test_a_pod_that_serves_and_falls_silent_is_as_it_said_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "is_as_listed", lambda *_: False)
    poller, keys = await poll(monkeypatch, [answer(Phase.READY), "no", "no", "no", "never read"], 5, ready=True)
    assert poller.view("uid-chat-0") == PhaseReport(phase=Phase.READY)
    assert keys == [Key("team-a", "chat")]
    poller, _ = await poll(monkeypatch, [answer(Phase.READY), "no", "no", "no"], 4)
    assert isinstance(poller.view("uid-chat-0"), Unreachable), "one that does not serve is silent"
