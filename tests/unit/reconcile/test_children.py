from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_operator.manifests.render import render
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.children import Children
from qwen3_operator.reconcile.client import ApiError, Listing
from qwen3_operator.reconcile.kinds import Key, Kind
from tests.unit.manifests.samples import cpu_placement, deployment, placement, plan, settings
from tests.unit.reconcile.samples import CATALOG, observed, pod, view

if TYPE_CHECKING:
    from qwen3_operator.reconcile.client import Client

KEY = Key("team-a", "chat")


class Api:
    """Keeps what is applied, as an API server would answer it."""

    def __init__(self) -> None:
        self.version = 100
        self.applied: list[str] = []
        self.deleted: list[str] = []
        self.foreign: list[dict[str, Any]] = []

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.applied.append(manifest["metadata"]["name"])
        live = copy.deepcopy(manifest)
        live["metadata"] |= {
            "uid": f"uid-{live['kind']}-{live['metadata']['name']}",
            "resourceVersion": str(self.version),
        }
        return live

    async def delete(self, manifest: dict[str, Any]) -> None:
        self.deleted.append(manifest["metadata"]["name"])

    async def list(self, _: Kind, **__: Any) -> Listing:
        return Listing(self.foreign, "1")


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def children(api: Api) -> Children:
    return Children(cast("Client", api), Cache())


def manifests(**spec: Any) -> list[dict[str, Any]]:
    return render(deployment(spec), plan(), settings(), CATALOG)


async def test_only_what_differs_is_applied(children: Children, api: Api) -> None:
    assert await children.apply(KEY, manifests())
    assert api.applied == ["chat", "chat", "chat", "chat-h100"]
    api.applied.clear()
    assert not await children.apply(KEY, manifests())
    assert await children.apply(KEY, manifests(drainTimeoutSeconds=3))
    assert api.applied == ["chat-h100"]


async def test_an_object_of_somebody_else_is_not_taken_over(children: Children, api: Api) -> None:
    api.foreign = [{"metadata": {"name": "chat", "ownerReferences": []}}]
    with pytest.raises(ApiError, match="Service chat exists and is not ours"):
        await children.apply(KEY, manifests())
    assert api.applied == []


async def test_an_old_workload_goes_only_when_the_new_one_serves(children: Children, api: Api) -> None:
    await children.apply(KEY, render(deployment(), plan(placement()), settings(), CATALOG))
    moved = plan(cpu_placement())
    desired = render(deployment(), moved, settings(), CATALOG)
    await children.apply(KEY, desired)
    workload = desired[-1]
    starting = [view(pod(name, workload=workload)) for name in ("a", "b")]
    serving = [view(pod(name, ready=True, workload=workload)) for name in ("a", "b")]
    await children.prune(KEY, deployment(), desired, observed(*starting, plan=moved, desired=(workload,)))
    assert api.deleted == []
    await children.prune(KEY, deployment(), desired, observed(*serving, plan=moved, desired=(workload,)))
    assert api.deleted == ["chat-h100"]


async def test_what_fetches_ahead_goes_as_soon_as_it_is_not_asked_for(children: Children, api: Api) -> None:
    ahead = {"source": {"huggingFace": {}}, "cache": {"claimName": "cache", "prefetch": True}}
    await children.apply(KEY, render(deployment({"model": ahead}), plan(), settings(), CATALOG))
    assert api.applied[-1] == "chat-h100-prefetch"
    desired = render(deployment({"model": ahead | {"cache": None}}), plan(), settings(), CATALOG)
    await children.prune(KEY, deployment(), desired, observed(plan=plan(), desired=(desired[-1],)))
    assert api.deleted == ["chat-h100-prefetch"], "no replica serves yet"


async def test_without_a_plan_nothing_is_removed(children: Children, api: Api) -> None:
    await children.apply(KEY, manifests())
    await children.prune(KEY, deployment(), [], observed(desired=()))
    assert api.deleted == []


async def test_children_of_a_namesake_that_is_gone_are_left_to_the_garbage_collector(
    children: Children, api: Api
) -> None:
    await children.apply(KEY, manifests())
    successor = deployment({"replicas": 0}, uid="2222-3333")
    none = plan(cpu_placement(replicas=0))
    desired = render(successor, none, settings(), CATALOG)
    await children.prune(KEY, successor, desired, observed(plan=none, desired=(desired[-1],)))
    assert api.deleted == []
