"""What one round of the autoscaler does where something is not as it should be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.autoscale.capacity import Room
from qwen3_operator.autoscale.loop import Autoscaler
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind
from tests.unit.autoscale.given import START
from tests.unit.manifests.samples import deployment, placement, plan, settings
from tests.unit.reconcile.samples import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.decision import Change
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.planner import Planner

CHAT = Key("team-a", "chat")
PLAN = plan(placement(replicas=1))
POOL = PLAN.placements[0].pool
SCALING = {"mode": "Auto", "replicaCapacity": {"inputTokensPerSecond": 1000, "outputTokensPerSecond": 100}}


class Plans:
    catalog = CATALOG

    def in_force(self, _: Key) -> PlanStatus:
        return PLAN


class Rooms:
    """Room for four; counts the replicas that were dealt out."""

    def __init__(self) -> None:
        self.dealt: list[Mapping[str, int]] = []

    def of(self, *_: Any) -> Mapping[str, Room]:
        return {POOL: Room(4, None)}

    def granted(self, _: Key, __: PlanStatus, granted: Mapping[str, int]) -> None:
        self.dealt.append(granted)


class Acts:
    def __init__(self) -> None:
        self.told: list[Change] = []

    async def post(self, _: Key, entry: Change) -> None:
        self.told.append(entry)


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
    scaler._rooms, scaler._acts = cast("Any", Rooms()), cast("Any", Acts())
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


async def test_a_change_that_nobody_has_planned_yet_is_told_once() -> None:
    scaler, _, asked = given(SCALING | {"minReplicas": 3, "maxReplicas": 4})
    await look(scaler)
    acts, rooms = cast("Acts", scaler._acts), cast("Rooms", scaler._rooms)
    assert [(entry.before, entry.after) for entry in acts.told] == [(1, 3)]
    assert rooms.dealt == [{POOL: 3}]
    asked.clear()
    await look(scaler)
    view = scaler.view(CHAT)
    assert view is not None
    assert (len(view.changes), len(acts.told), len(rooms.dealt)) == (1, 1, 1)
    assert asked == [CHAT], "it is wanted still"


async def test_the_reconciler_gets_what_was_granted_unless_somebody_else_decides() -> None:
    scaler, cache, _ = given(SCALING | {"minReplicas": 3, "maxReplicas": 4, "manualHoldSeconds": 60})

    def scaled(*, replicas: int | None = None, mode: str = "Auto") -> Mapping[str, int] | None:
        scaling = SCALING | {"mode": mode, "maxReplicas": 4, "manualHoldSeconds": 60}
        changed = deployment({"replicas": replicas, "scaling": scaling})["spec"]
        return scaler.scale(CHAT, DeploymentSpec.model_validate(changed), PLAN)

    assert scaled() == {POOL: 1}, "before the first look what is planned stays"
    await look(scaler)
    assert scaled() == {POOL: 3}
    assert scaled(mode="Advise") is None
    assert scaled(replicas=2) is None, "spec.replicas was changed by hand, and holds"
    assert scaler.scale(CHAT, DeploymentSpec.model_validate(cache.get(CHAT)["spec"]), None) is None  # type: ignore[index]
