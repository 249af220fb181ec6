"""What one round of the autoscaler does where something is not as it should be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from qwen3_operator.autoscale.capacity import Room
from qwen3_operator.autoscale.loop import Autoscaler
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind
from tests.unit.autoscale.given import START
from tests.unit.manifests.samples import deployment, placement, plan, settings
from tests.unit.reconcile.samples import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.planner import Planner

CHAT = Key("team-a", "chat")
PLAN = plan(placement(replicas=1))
SCALING = {"mode": "Auto", "replicaCapacity": {"inputTokensPerSecond": 1000, "outputTokensPerSecond": 100}}


class Plans:
    catalog = CATALOG

    def in_force(self, _: Key) -> PlanStatus:
        return PLAN


class Rooms:
    def of(self, *_: Any) -> Mapping[str, Room]:
        return {PLAN.placements[0].pool: Room(4, None)}

    def granted(self, *_: Any) -> None:
        return


def given(scaling: dict[str, Any]) -> tuple[Autoscaler, Cache, list[Key]]:
    """An autoscaler of one deployment, without a Prometheus, and the reconciles that it asked for."""
    cache, asked = Cache(), list[Key]()
    put(cache, scaling, version=1)
    scaler = Autoscaler(
        cast("Client", None),
        cache,
        cast("Planner", Plans()),
        settings(),
        lambda key, _: asked.append(key),
        route_name=None,
        clock=lambda: START,
    )
    scaler._rooms = cast("Any", Rooms())
    return scaler, cache, asked


def put(cache: Cache, scaling: dict[str, Any], version: int) -> None:
    raw = deployment({"scaling": scaling}, **CHAT._asdict())
    raw["metadata"]["resourceVersion"] = str(version)
    cache.put(Kind.QWEN3DEPLOYMENT, raw)


async def look(scaler: Autoscaler) -> str:
    """One look at all; the reason of the condition."""
    for key, spec in scaler._specs().items():
        await scaler._guarded_look(key, spec, None, "no Prometheus")
    view = scaler.view(CHAT)
    return view.verdict.reason if view else ""


async def test_what_this_version_cannot_go_on_from_is_forgotten_and_said() -> None:
    scaler, _, asked = given(SCALING)
    assert await look(scaler) == "PrometheusFailed"
    known = scaler._known.get(CHAT)
    assert known is not None
    known.memory = replace(known.memory, state=cast("Any", "of another version"), active_at=START - 7)
    asked.clear()
    assert await look(scaler) == "DecisionFailed"
    assert asked == [CHAT]
    assert known.memory.active_at == START - 7, "what it knows of people and idleness stays"
    assert await look(scaler) == "PrometheusFailed"


async def test_a_spec_that_cannot_be_read_for_the_moment_costs_no_memory() -> None:
    scaler, cache, _ = given(SCALING)
    await look(scaler)
    known = scaler._known.get(CHAT)
    put(cache, {"mode": "OfTomorrow"}, version=2)
    await look(scaler)
    assert scaler._known.get(CHAT) is known is not None
    put(cache, {"mode": "Off"}, version=3)
    await look(scaler)
    assert scaler._known.get(CHAT) is None


async def test_a_deployment_that_is_gone_is_forgotten() -> None:
    scaler, cache, _ = given(SCALING)
    await look(scaler)
    raw = cache.get(CHAT)
    assert raw is not None
    cache.remove(Kind.QWEN3DEPLOYMENT, raw)
    await look(scaler)
    assert scaler._known.get(CHAT) is None
