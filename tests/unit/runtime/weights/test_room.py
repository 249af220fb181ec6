"""Which models go when one more is to come."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.room import Kept, Need, victims

GIB = 1024**3


def kept(name: str, size: int, last_use: float = 0, coming: int = 0, holders: tuple[str, ...] = ()) -> Kept:
    return Kept(name, size * GIB, coming * GIB, last_use, holders)


def need(size: int = 10, missing: int | None = None, free: int = 1000, limit: int = 100) -> Need:
    return Need("/models", size * GIB, (size if missing is None else missing) * GIB, free * GIB, limit * GIB)


def names(models: list[Kept]) -> list[str]:
    return [model.name for model in models]


def refusal(wanted: Need, *models: Kept) -> FetchError:
    with pytest.raises(FetchError) as caught:
        victims(wanted, models)
    return caught.value


def test_nothing_goes_while_there_is_room() -> None:
    assert victims(need(), [kept("a", 90)]) == []


@pytest.mark.parametrize(
    ("wanted", "gone"),
    [
        (need(size=20), ["old"]),
        (need(size=51), ["old", "middle"]),
        (need(size=10, free=5), ["old"]),
        (need(size=40, missing=1, free=5, limit=200), []),
    ],
    ids=["limit", "limit, two", "disk", "resumed"],
)
def test_the_least_recently_used_go_first_and_no_more_than_needed(wanted: Need, gone: list[str]) -> None:
    models = [kept("new", 30, last_use=3), kept("old", 30, last_use=1), kept("middle", 30, last_use=2)]
    assert names(victims(wanted, models)) == gone


def test_what_is_in_use_stays_however_old() -> None:
    models = [kept("used", 50, last_use=1, holders=("pod-a",)), kept("idle", 40, last_use=2)]
    assert names(victims(need(size=20), models)) == ["idle"]


def test_room_promised_to_other_fetches_counts() -> None:
    fetching = kept("fetching", 30, coming=25, holders=("pod-b",))
    assert victims(need(size=10, free=40), [fetching]) == []
    assert refusal(need(size=10, free=30), fetching).reason == "DiskFull"
    assert refusal(need(size=80, free=1000), fetching).reason == "CacheFull"


@pytest.mark.parametrize(
    ("wanted", "reason", "words"),
    [
        (need(size=60), "CacheFull", ["/models", "100.0 GiB", "60.0 GiB", "used (50.0 GiB, pod-a, pod-b)"]),
        (need(size=30, free=5), "DiskFull", ["/models", "15.0 GiB", "30.0 GiB", "used (50.0 GiB, pod-a, pod-b)"]),
    ],
)
def test_where_it_would_not_be_enough_nothing_goes_and_who_is_in_the_way_is_named(
    wanted: Need, reason: str, words: list[Any]
) -> None:
    error = refusal(wanted, kept("used", 50, holders=("pod-a", "pod-b")), kept("idle", 10))
    assert error.reason == reason
    assert all(word in error.message for word in words), error.message


def test_a_model_larger_than_the_limit() -> None:
    error = refusal(need(size=101), kept("idle", 10))
    assert error.reason == "CacheFull"
    assert "in use" not in error.message
