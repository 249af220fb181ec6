"""Memories in the cluster: what is read back, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from qwen3_operator.autoscale.memory import Manual, Memory
from qwen3_operator.autoscale.store import Store
from qwen3_operator.reconcile.kinds import Key
from tests.unit.autoscale.given import START
from tests.unit.manifests.samples import settings

if TYPE_CHECKING:
    from qwen3_operator.reconcile.client import Client

CHAT, GONE = Key("team-a", "chat"), Key("team-a", "gone")
MEMORY = Memory(Manual(3, until=START), active_at=START)


class Api:
    """ConfigMaps by path."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    async def list_labelled(self, _: Any, namespace: str, __: str) -> tuple[dict[str, Any], ...]:
        return tuple(one for path, one in self.objects.items() if f"/{namespace}/" in path)

    async def apply_at(self, path: str, manifest: dict[str, Any]) -> None:
        self.objects[path] = manifest

    async def delete_at(self, path: str) -> None:
        del self.objects[path]


async def saved(*keys: Key) -> tuple[Store, Api]:
    """A store that has saved the same memory for each."""
    api = Api()
    store = Store(cast("Client", api), settings())
    for key in keys:
        await store.save(key, MEMORY)
    return store, api


async def test_what_is_saved_is_read_back_and_of_what_is_gone_it_is_removed() -> None:
    store, api = await saved(CHAT, GONE)
    found = await store.load({CHAT})
    assert {key: memory.manual for key, memory in found.items()} == {CHAT: MEMORY.manual}
    assert len(api.objects) == 1


async def test_a_broken_memory_is_begun_anew() -> None:
    store, api = await saved(CHAT)
    (stored,) = api.objects.values()
    stored["binaryData"] = {"memory.json.gz": "bm8="}
    assert await store.load({CHAT}) == {}
    del stored["binaryData"]
    assert await store.load({CHAT}) == {}


async def test_an_object_of_somebody_else_with_our_label_is_left_alone() -> None:
    store, api = await saved(GONE)
    ((path, stored),) = api.objects.items()
    stored["metadata"]["name"] = "theirs"
    assert await store.load({CHAT, GONE}) == {}, "what it says of a deployment is not believed"
    stored["metadata"]["annotations"] = {}
    assert await store.load({CHAT}) == {}
    assert path in api.objects
