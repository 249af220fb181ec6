from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_operator.inventory import inventory
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import ApiError, Listing
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.planner import Planner
from qwen3_operator.reconcile.pool_report import pool_status
from qwen3_operator.reconcile.pools import PoolKeeper
from tests.unit.inventory.objects import acp, gpu_node, node, pod
from tests.unit.reconcile.samples import CATALOG, NOW

if TYPE_CHECKING:
    from qwen3_operator.api.pool import PoolStatus
    from qwen3_operator.reconcile.client import Client
    from tests.unit.inventory.objects import Object

LATER = "2026-11-24T13:00:00Z"
TEAM = {"team": "a"}


def status(pool: Object, *nodes: Object, others: tuple[Object, ...] = (), pods: tuple[Object, ...] = ()) -> PoolStatus:
    room = inventory(nodes, pods, CATALOG, pools=(pool, *others))
    return pool_status(pool, room, CATALOG, NOW)


def ready(found: PoolStatus) -> tuple[str, str, str]:
    (condition,) = found.conditions
    assert condition.type == "Ready"
    return condition.status.value, condition.reason, condition.message


def test_a_pool_says_what_it_has() -> None:
    pods = (pod("a", {"nvidia.com/gpu": "3"}),)
    nodes = gpu_node("a", labels=TEAM), gpu_node("b", labels=TEAM, cordoned=True), gpu_node("c")
    found = status(acp("mine", nodeSelector=TEAM), *nodes, pods=pods)
    assert (found.nodes, found.unused_nodes, found.devices, found.free_devices) == (1, 1, 8, 5)
    assert (found.accelerator, found.memory_per_device) == ("H100-SXM", "81559Mi")
    state, reason, message = ready(found)
    assert (state, reason) == ("True", "Usable")
    assert message == "1 node can be used, 1 cannot: b: Cordoned: kubectl uncordon makes it usable again"


@pytest.mark.parametrize(
    ("spec", "nodes", "reason", "words"),
    [
        ({"nodeSelector": TEAM}, [gpu_node("a")], "NoNodes", "no node has the labels team=a"),
        ({}, [gpu_node("a")], "NoNodes", "no node has the labels serving.qwen3.io/pool=mine"),
        ({"accelerator": "H100"}, [], "UnknownAccelerator", "did you mean H100-SXM"),
        ({"nodeSelector": TEAM}, [gpu_node("a", "NVIDIA-Z", labels=TEAM)], "UnknownAccelerator", "NVIDIA-Z"),
        ({"nodeSelector": TEAM}, [node("a", labels=TEAM, ready="False")], "NotReady", "none of 1 node can be used: a:"),
        ({"nodeSelector": TEAM}, [gpu_node("a", "Tesla-T4-SHARED", labels=TEAM)], "SharedDevices", "memoryPerDevice"),
        ({"memoryPerDevice": "lots"}, [], "InvalidSpec", "not valid"),
    ],
)
def test_a_pool_that_cannot_be_used_says_why(spec: Any, nodes: list[Object], reason: str, words: str) -> None:
    state, found, message = ready(status(acp("mine", **spec), *nodes))
    assert (state, found) == ("False", reason)
    assert words in message


def test_pools_that_want_the_same_node_name_each_other() -> None:
    mine, other = acp("mine", nodeSelector=TEAM), acp("other", nodeSelector={"zone": "z"})
    contested = gpu_node("a", labels={**TEAM, "zone": "z"}), gpu_node("b", labels=TEAM)
    found = status(mine, *contested, others=(other,))
    assert ready(found)[:2] == ("False", "Conflict")
    assert "a: AcceleratorPools mine, other select it" in ready(found)[2]
    assert found.nodes == 1, "what nobody contests goes on"


def test_transition_times_move_with_the_status_alone() -> None:
    pool, nodes = acp("mine", nodeSelector=TEAM), [gpu_node("a", labels=TEAM)]
    first = status(pool, *nodes)
    known = {**pool, "status": first.to_json()}
    assert pool_status(known, inventory(nodes, (), CATALOG, pools=(pool,)), CATALOG, LATER) == first
    lost = pool_status(known, inventory((), (), CATALOG, pools=(pool,)), CATALOG, LATER)
    assert lost.conditions[0].last_transition_time == LATER


class Server:
    """Answers LIST; keeps what is applied."""

    def __init__(self, *nodes: Object) -> None:
        self.nodes = list(nodes)
        self.written: list[tuple[str, Object]] = []
        self.lists = 0
        self.error: ApiError | None = None

    async def list(self, kind: Kind, **_: Any) -> Listing:
        self.lists += 1
        return Listing(self.nodes if kind is Kind.NODE else [], "1")

    async def apply_at(self, path: str, manifest: Object, *, verb: str) -> Object:
        assert verb == "apply/status"
        if self.error:
            raise self.error
        self.written.append((path, manifest))
        version = str(len(self.written) + 1)
        return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": version, "generation": 1}}


def keeper(server: Server, *pools: Object) -> PoolKeeper:
    cache = Cache()
    for found in pools:
        cache.put(Kind.ACCELERATOR_POOL, found)
    client = cast("Client", server)
    return PoolKeeper(client, cache, Planner(client, cache, CATALOG, lambda: 0.0))


async def test_without_pools_nothing_is_asked() -> None:
    server = Server(gpu_node("a"))
    await keeper(server)._round()
    assert (server.lists, server.written) == (0, [])


async def test_a_status_is_written_once() -> None:
    server = Server(gpu_node("a", labels=TEAM))
    keeping = keeper(server, acp("mine", nodeSelector=TEAM))
    await keeping._round()
    ((path, manifest),) = server.written
    assert path == "/apis/serving.qwen3.io/v1alpha1/acceleratorpools/mine/status"
    assert manifest["status"]["devices"] == 8
    keeping._cache.put(
        Kind.ACCELERATOR_POOL, {**acp("mine", nodeSelector=TEAM), "status": manifest["status"]} | _version("9")
    )
    await keeping._round()
    assert len(server.written) == 1


def _version(text: str) -> Object:
    return {"metadata": {"name": "mine", "uid": "uid-mine", "generation": 1, "resourceVersion": text}}


async def test_a_pool_that_went_meanwhile_is_no_error() -> None:
    server = Server(gpu_node("a"))
    server.error = ApiError(404, "not found")
    await keeper(server, acp("mine"), acp("other"))._round()
    server.error = ApiError(0, "API server not reached")
    with pytest.raises(ApiError):
        await keeper(server, acp("mine"))._round()
