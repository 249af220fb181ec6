"""What is remembered of deployments, while they come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from qwen3_operator.autoscale.known import KnownDeployments
from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Key
from tests.unit.autoscale.given import START, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.autoscale.memory import Memory
    from qwen3_operator.autoscale.store import Store

CHAT, CODE = Key("team-a", "chat"), Key("team-b", "code")
HOUR = 3600.0


class FakeStore:
    """Notes what it is to write; while it writes, something may happen."""

    def __init__(self) -> None:
        self.saved: list[Key] = []
        self.removed: list[Key] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def save(self, key: Key, _: Memory) -> None:
        self.meanwhile()
        self.saved.append(key)
        if key == CODE:
            raise ApiError(500, "not now")

    async def remove(self, key: Key) -> None:
        self.removed.append(key)


def given() -> tuple[KnownDeployments, FakeStore, list[float]]:
    """Two that were begun at `START`, and the clock."""
    store, now = FakeStore(), [START]
    known = KnownDeployments(cast("Store", store), Cache(), lambda: now[0])
    for key in (CHAT, CODE):
        known.begin(key, spec())
    return known, store, now


async def test_a_memory_is_saved_when_it_is_due_and_a_refusal_holds_nobody_up() -> None:
    known, store, now = given()
    await known.save()
    assert store.saved == [], "nothing was learned yet"
    now[0] += HOUR
    await known.save()
    await known.save()
    assert store.saved == [CHAT, CODE], "each once, though one was refused"


async def test_a_clock_that_was_set_back_keeps_nobody_from_saving() -> None:
    known, store, now = given()
    now[0] -= HOUR
    await known.save()
    await known.save()
    assert store.saved == [CHAT, CODE]


async def test_what_is_forgotten_while_another_one_is_saved_is_removed_and_not_saved() -> None:
    known, store, now = given()
    now[0] += HOUR
    store.meanwhile = lambda: known.forget(CODE)
    await known.save()
    await known.save()
    assert (store.saved, store.removed) == ([CHAT], [CODE])
