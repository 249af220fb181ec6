"""What there is room for, and what quotas make of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.autoscale import record
from qwen3_operator.autoscale.rooms import Rooms
from qwen3_operator.autoscale.step import Moment
from qwen3_operator.inventory import inventory
from qwen3_operator.reconcile.kinds import Key
from qwen3_operator.scaling import Capacity, Fleet, Policy, Stop
from qwen3_operator.scaling.placements import Places
from qwen3_operator.sizing import plan, with_counts
from tests.unit.autoscale.given import PLACE, POOL, REQUEST, Deployment
from tests.unit.inventory.objects import gpu_node, quota
from tests.unit.sizing.given import CATALOG, spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.autoscale.capacity import Room
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.reconcile.planner import Planner

CHAT, OTHER, STRANGER = Key("team-a", "chat"), Key("team-a", "other"), Key("team-b", "chat")
H100, H200 = "h100-80gb-hbm3", "h200"
NODES = (gpu_node("a", "NVIDIA-H200", count=4), gpu_node("b", count=8))


class Allowing:
    """Every namespace may have so many GPUs; none where there is no number."""

    def __init__(self, hard: int | None) -> None:
        gpus = {"requests.nvidia.com/gpu": str(hard)}
        names = ("team-a", "team-b") if hard is not None else ()
        self.quotas = [quota(gpus, namespace=name) for name in names]

    async def room(self, key: Key, _: float) -> Inventory:
        return inventory(NODES, (), CATALOG, exclude=key, quotas=self.quotas)


def _plan(h200: int, h100: int) -> PlanStatus:
    """Over both pools; a replica takes one H200 or two H100."""
    both = plan(spec(replicas=8), inventory(NODES, (), CATALOG), CATALOG)
    assert isinstance(both, PlanStatus)
    return with_counts(both, {H200: h200, H100: h100}, inventory(NODES, (), CATALOG))


async def _rooms(hard: int | None, plans: Mapping[Key, PlanStatus]) -> Rooms:
    rooms = Rooms(cast("Planner", Allowing(hard)), lambda: 0.0)
    await rooms.refresh(plans)
    return rooms


def _most(rooms: Mapping[str, Room]) -> dict[str, int]:
    return {pool: room.replicas for pool, room in rooms.items()}


async def test_without_quotas_what_is_free_counts() -> None:
    rooms = await _rooms(None, {CHAT: _plan(1, 1)})
    assert _most(rooms.of(CHAT, _plan(1, 1))) == {H200: 4, H100: 4}
    assert rooms.of(OTHER, _plan(1, 1)) == {}, "before the first look"


async def test_pools_of_one_resource_are_dealt_out_what_the_quota_leaves() -> None:
    most = {}
    for hard in (3, 6, 8, 99):
        found = (await _rooms(hard, {CHAT: _plan(1, 1)})).of(CHAT, _plan(1, 1))
        most[hard] = (found[H200].replicas, found[H100].replicas)
    assert most == {3: (1, 1), 6: (4, 1), 8: (4, 2), 99: (4, 4)}
    full = (await _rooms(4, {CHAT: _plan(1, 1)})).of(CHAT, _plan(1, 1))
    assert full[H200].quota == "ResourceQuota devices of namespace team-a leaves 1 of 4 nvidia.com/gpu"
    assert full[H100].quota == "ResourceQuota devices of namespace team-a leaves 0 of 4 nvidia.com/gpu"


async def test_what_runs_stays_where_the_quota_became_smaller() -> None:
    rooms = await _rooms(1, {CHAT: _plan(2, 1)})
    assert _most(rooms.of(CHAT, _plan(2, 1))) == {H200: 2, H100: 1}


async def test_what_one_deployment_gets_is_gone_for_the_others_of_its_namespace() -> None:
    now = _plan(1, 0)
    rooms = await _rooms(4, {CHAT: now, OTHER: now, STRANGER: now})
    rooms.granted(CHAT, now, {H200: 3, H100: 0})
    assert _most(rooms.of(OTHER, now)) == {H200: 2, H100: 0}
    assert _most(rooms.of(STRANGER, now)) == {H200: 4, H100: 0}
    assert _most(rooms.of(CHAT, _plan(3, 0))) == {H200: 4, H100: 0}
    rooms.granted(CHAT, _plan(3, 0), {H200: 1, H100: 0})
    assert _most(rooms.of(OTHER, now)) == {H200: 2, H100: 0}, "what it gives back is there when its pods are gone"


def test_the_record_names_the_quota() -> None:
    words = "ResourceQuota devices of namespace team-a leaves 0 of 2 nvidia.com/gpu"
    able = Capacity(POOL, 1e9, 100.0, startup_seconds=20.0, available=2, quota=words)
    chat = Deployment(capacity=able)
    before, outcome = {POOL: 1}, chat.tick(6.0)
    while sum(outcome.granted.values()) == 1:
        before, outcome = {POOL: chat.replicas}, chat.tick(6.0)
    moment = Moment(PLACE, chat.spec, chat.fleet(), chat.samples(), (able,), None, chat.now, REQUEST)
    entry, shown = record.change(before, outcome, moment), record.shown(outcome, moment)
    assert entry is not None
    assert entry.after == 2
    assert entry.reason.endswith(f"(QuotaExceeded: {words})")
    assert (shown.stopped, shown.quota) == (("QuotaExceeded",), words)
    calm = Deployment(capacity=able)
    assert record.shown(calm.run(0.1, 3), replace(moment, now=calm.now)).quota == ""


def test_devices_and_quotas_may_both_be_missing() -> None:
    able = (
        Capacity("gpu", 1e4, 1e3, startup_seconds=60.0, available=1),
        Capacity("npu", 1e4, 1e3, startup_seconds=60.0, available=1, quota="a quota"),
    )
    places = Places.of(able, [Fleet("gpu", 1), Fleet("npu", 0)], {"gpu": 1.0, "npu": 1.0})
    counts, stopped = places.granted(4.0, 4.0, 0.0, Policy(max_replicas=9), lower=True)
    assert (counts, stopped) == ({"gpu": 1, "npu": 1}, {Stop.NO_ROOM, Stop.QUOTA_EXCEEDED})
