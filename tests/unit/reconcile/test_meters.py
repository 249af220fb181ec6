from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
from aiohttp import web
from typing_extensions import override

from qwen3_operator.reconcile import management
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.meters import Meters
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.engines.translation import translate
from tests.unit.manifests.samples import deployment, placement, plan
from tests.unit.reconcile.samples import CATALOG, pod, workloads
from tests.unit.reconcile.test_planner import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.planner import Planner

KEY = Key("team-a", "chat")
PLAN = plan(placement(pool="h100"))


class Plans:
    """A planner that knows one plan."""

    catalog = CATALOG

    def __init__(self) -> None:
        self.plan: PlanStatus | None = PLAN

    def in_force(self, _: Key) -> PlanStatus | None:
        return self.plan


class Engine:
    """The management port of a pod."""

    def __init__(self) -> None:
        self.tokens, self.requests, self.spent = 4_000, 0, 0.0
        self.asked = 0
        self.silent = False

    def serve(self, requests: int, each: float = 0.02) -> None:
        """So many requests more, with this time per output token."""
        self.requests += requests
        self.spent += requests * each

    async def metrics(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.silent:
            return web.Response(status=503)
        lines = {
            "max_total_num_tokens": self.tokens,
            "weight_memory_usage_gb": 1.0,
            "time_to_first_token_seconds_sum": 0.1 * self.requests,
            "time_to_first_token_seconds_count": self.requests,
            "request_time_per_output_token_seconds_sum": self.spent,
            "request_time_per_output_token_seconds_count": self.requests,
            "e2e_request_latency_seconds_sum": 2.0 * self.requests,
            "prompt_tokens_total": 1000 * self.requests,
            "generation_tokens_total": 100 * self.requests,
        }
        text = "".join(f'sglang:{name}{{m="x"}} {value}\n' for name, value in lines.items())
        return web.Response(body=translate(text.encode(), SGLang.metrics))


class Ticking(Clock):
    """Never the same twice, as real clocks."""

    @override
    def __call__(self) -> float:
        self.now += 0.001
        return self.now


class Stage:
    """Meters in front of one engine."""

    def __init__(self, session: aiohttp.ClientSession, engine: Engine) -> None:
        self.session, self.engine, self.clock, self.cache = session, engine, Ticking(), Cache()
        self.plans, self.news = Plans(), list[Key]()
        self.cache.put(Kind.QWEN3DEPLOYMENT, deployment())
        self.put_pod("chat-0")
        self.meters = self.another()

    def another(self) -> Meters:
        return Meters(self.cache, cast("Planner", self.plans), lambda key, _: self.news.append(key), self.clock)

    def put_pod(self, name: str, **more: Any) -> None:
        workload = workloads(wanted=PLAN)[0]
        self.cache.put(Kind.POD, pod(name, ready=True, workload=workload, podIP="127.0.0.1", **more))

    async def after(self, seconds: float) -> str:
        """The source after one more round."""
        self.clock.now += seconds + 0.1
        await self.meters._round(self.session)
        found = self.meters.view(KEY, self.plans.plan)
        return found[0].source.value if found else ""


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    engine, app = Engine(), web.Application()
    app.add_routes([web.get("/metrics", engine.metrics)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(management, "MANAGEMENT_PORT", runner.addresses[0][1])
    async with aiohttp.ClientSession() as session:
        yield Stage(session, engine)
    await runner.cleanup()


async def test_from_the_table_to_what_is_observed(stage: Stage) -> None:
    assert await stage.after(0) == "Calibrated"
    assert stage.news == [KEY]
    stage.engine.serve(10)
    assert await stage.after(60) == "Calibrated", "ten requests are too few for a mean"
    stage.engine.serve(20)
    assert await stage.after(60) == "Observed"
    assert stage.news == [KEY, KEY]
    (found,) = stage.meters.view(KEY, PLAN)
    assert found.time_per_output_token_microseconds is not None
    assert found.time_per_output_token_microseconds.found == 20_000
    assert found.running_requests == 1


async def test_an_idle_engine_is_asked_once_a_minute_and_makes_no_news(stage: Stage) -> None:
    await stage.after(0)
    for _ in range(30):
        await stage.after(10)
    assert stage.engine.asked == 6
    assert stage.news == [KEY]


async def test_small_changes_are_no_news_and_large_ones_are(stage: Stage) -> None:
    await stage.after(0)
    for each, news in ((0.02, 2), (0.0208, 2), (0.0195, 2), (0.03, 3), (0.0301, 3)):
        stage.engine.serve(1_000, each)
        assert await stage.after(60) == "Observed"
        assert len(stage.news) == news, each


async def test_a_silent_engine_is_left_alone_for_a_while(stage: Stage) -> None:
    stage.engine.silent = True
    for _ in range(7):
        assert await stage.after(60) == ""
    assert stage.engine.asked == 1
    stage.engine.silent = False
    assert await stage.after(300) == "Calibrated"


async def test_another_pod_of_the_same_shape_keeps_what_is_known(stage: Stage) -> None:
    await stage.after(0)
    stage.engine.serve(100)
    assert await stage.after(60) == "Observed"
    stage.cache.remove(Kind.POD, pod("chat-0"))
    stage.put_pod("chat-1")
    stage.engine.requests, stage.engine.spent = 0, 0.0
    assert await stage.after(10) == "Observed"
    assert len(stage.news) == 2


async def test_an_operator_that_starts_anew_goes_on_where_the_status_is(stage: Stage) -> None:
    await stage.after(0)
    stage.engine.serve(100)
    await stage.after(60)
    known = [entry.to_json() for entry in stage.meters.view(KEY, PLAN)]
    stored = deployment(resourceVersion="8") | {"status": {"plan": PLAN.to_json(), "capacity": known}}
    stage.cache.put(Kind.QWEN3DEPLOYMENT, stored)
    stage.meters, stage.news = stage.another(), []
    assert await stage.after(60) == "Observed"
    assert stage.news == []


async def test_another_plan_starts_from_nothing(stage: Stage) -> None:
    await stage.after(0)
    stage.plans.plan = plan(placement(pool="h100", tensor_parallel=4))
    assert await stage.after(10) == "Calibrated"
    assert len(stage.news) == 2
    stage.plans.plan = None
    assert await stage.after(10) == ""


async def test_a_pods_first_minutes_say_nothing_of_its_pace(stage: Stage) -> None:
    await stage.after(0)
    for _ in range(3):
        stage.engine.serve(1_000, 1.0)
        assert await stage.after(60) == "Observed", "people see them"
        assert stage.meters.paces(KEY, PLAN) == {}
    for _ in range(20):
        stage.engine.serve(1_000, 1.0)
        await stage.after(60)
    (slow,) = stage.meters.paces(KEY, PLAN).values()
    assert slow == pytest.approx(0.5, abs=0.01), "never slower than that"
    stage.cache.remove(Kind.POD, pod("chat-0"))
    stage.put_pod("chat-1")
    await stage.after(10)
    stage.engine.serve(1_000, 0.001)
    await stage.after(60)
    assert stage.meters.paces(KEY, PLAN) == {"h100": slow}, "another pod begins with first minutes of its own"


async def test_an_idle_engine_says_nothing_of_its_pace(stage: Stage) -> None:
    for _ in range(40):
        stage.engine.serve(20)
        await stage.after(60)
    assert stage.meters.paces(KEY, PLAN) == {}
