from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import ApiError, Listing
from qwen3_operator.reconcile.intake import Intake
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.queue import WorkQueue
from qwen3_operator.reconcile.sweep import sweep, sweep_forever
from tests.patience import HANG_SECONDS
from tests.unit.manifests.samples import deployment
from tests.unit.reconcile.samples import pod

if TYPE_CHECKING:
    from qwen3_operator.reconcile.client import Client

KEY = Key("team-a", "chat")


class Cluster:
    """Answers LIST from a dictionary; fails as often as it is told to."""

    def __init__(self, objects: dict[Kind, list[dict[str, Any]]], failures: int = 0) -> None:
        self.objects = objects
        self.failures = failures
        self.asked: list[tuple[Kind, str | None, str | None]] = []

    async def list(self, kind: Kind, *, namespace: str | None = None, labels: str | None = None) -> Listing:
        self.asked.append((kind, namespace, labels))
        if self.failures:
            self.failures -= 1
            raise ApiError(0, "API server not reached")
        return Listing(self.objects.get(kind, []), "50")


def intake(cache: Cache, keys: list[Key]) -> Intake:
    return Intake(cache, lambda key, _: keys.append(key), lambda: (), lambda: None)


async def test_a_deletion_that_the_watch_lost_is_found() -> None:
    cache, keys = Cache(), list[Key]()
    cluster = Cluster({Kind.QWEN3DEPLOYMENT: [deployment()], Kind.POD: [pod()]})
    await sweep(cast("Client", cluster), cache, intake(cache, keys), (), tuple(Kind))
    assert cache.get(KEY) is not None
    cluster.objects = {}
    keys.clear()
    await sweep(cast("Client", cluster), cache, intake(cache, keys), (), tuple(Kind))
    assert cache.get(KEY) is None
    assert cache.count(Kind.POD) == 0
    assert set(keys) == {KEY}


async def test_only_the_served_namespaces_and_our_own_objects_are_listed() -> None:
    cache, cluster = Cache(), Cluster({})
    await sweep(cast("Client", cluster), cache, intake(cache, []), ("a", "b"), tuple(Kind))
    assert [namespace for kind, namespace, _ in cluster.asked if kind is Kind.POD] == ["a", "b"]
    assert [namespace for kind, namespace, _ in cluster.asked if kind is Kind.NODE] == [None]
    labels = {kind: labels for kind, _, labels in cluster.asked}
    assert labels[Kind.NODE] is labels[Kind.QWEN3DEPLOYMENT] is None
    assert "app.kubernetes.io/managed-by=qwen3-operator" in str(labels[Kind.POD])


async def test_a_failed_round_is_followed_by_the_next() -> None:
    cache, keys = Cache(), list[Key]()
    cluster = Cluster({Kind.QWEN3DEPLOYMENT: [deployment()]}, failures=1)
    queue: WorkQueue[Key] = WorkQueue(asyncio.get_running_loop().time)
    rounds = asyncio.create_task(
        sweep_forever(
            cast("Client", cluster), cache, intake(cache, keys), queue, namespaces=(), kinds=tuple(Kind), period=0.02
        )
    )
    assert await asyncio.wait_for(queue.get(), HANG_SECONDS) == KEY
    assert cache.get(KEY) is not None
    rounds.cancel()


async def test_a_kind_of_which_there_is_nothing_was_heard_of() -> None:
    cache = Cache()
    ears = intake(cache, [])
    await sweep(cast("Client", Cluster({})), cache, ears, (), tuple(Kind))
    assert set(ears.seen_at) == set(Kind)


async def test_what_came_after_the_first_of_several_lists_is_not_missing() -> None:
    class Slow(Cluster):
        @override
        async def list(self, kind: Kind, *, namespace: str | None = None, labels: str | None = None) -> Listing:
            return Listing([], {"team-a": "40", "team-b": "50"}.get(str(namespace), "50"))

    cache = Cache()
    new, old = pod("new"), pod("old")
    new["metadata"]["resourceVersion"], old["metadata"]["resourceVersion"] = "45", "39"
    for one in (new, old):
        cache.put(Kind.POD, one)
    await sweep(cast("Client", Slow({})), cache, intake(cache, []), ("team-a", "team-b"), tuple(Kind))
    assert [one["metadata"]["name"] for one in cache.all(Kind.POD)] == ["new"]
