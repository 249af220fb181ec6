from __future__ import annotations

from typing import Any

from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind

KEY = Key("team-a", "chat")


def obj(name: str = "p", version: int = 1, uid: str = "u", labels: dict[str, str] | None = None) -> dict[str, Any]:
    own = {"serving.qwen3.io/deployment": "chat"}
    metadata = {"name": name, "namespace": "team-a", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": {**metadata, "labels": own if labels is None else labels, "managedFields": [{"big": "x"}]}}


def test_objects_are_found_by_the_deployment_they_belong_to() -> None:
    cache = Cache()
    cache.put(Kind.POD, obj("b"))
    cache.put(Kind.POD, obj("a", uid="v"))
    cache.put(Kind.POD, obj("c", uid="w", labels={"serving.qwen3.io/deployment": "other"}))
    assert [pod["metadata"]["name"] for pod in cache.owned(Kind.POD, KEY)] == ["a", "b"]
    assert cache.count(Kind.POD) == 3


def test_what_nobody_reads_is_not_kept() -> None:
    cache = Cache()
    cache.put(Kind.POD, obj())
    assert "managedFields" not in cache.owned(Kind.POD, KEY)[0]["metadata"]


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    cache = Cache()
    assert cache.put(Kind.POD, obj(version=5)) is not None
    assert cache.put(Kind.POD, obj(version=4)) is None
    assert cache.put(Kind.POD, obj(version=5)) is None
    assert cache.put(Kind.POD, obj(version=10)) is not None
    assert cache.owned(Kind.POD, KEY)[0]["metadata"]["resourceVersion"] == "10"


def test_a_late_list_does_not_bring_back_the_dead() -> None:
    cache = Cache()
    cache.put(Kind.POD, obj(version=5))
    assert cache.remove(Kind.POD, obj(version=6))
    assert cache.put(Kind.POD, obj(version=5)) is None
    assert cache.owned(Kind.POD, KEY) == ()


def test_a_late_deletion_does_not_remove_the_successor() -> None:
    cache = Cache()
    cache.put(Kind.POD, obj(version=9, uid="second"))
    assert not cache.remove(Kind.POD, obj(version=8, uid="first"))
    assert cache.count(Kind.POD) == 1


def test_a_complete_list_tells_what_a_watch_lost() -> None:
    cache = Cache()
    cache.put(Kind.POD, obj("kept", 1, "k"))
    cache.put(Kind.POD, obj("lost", 2, "l"))
    cache.put(Kind.POD, obj("newer-than-the-list", 30, "n"))
    missing = cache.missing(Kind.POD, [obj("kept", 1, "k")], "20")
    assert [pod["metadata"]["name"] for pod in missing] == ["lost"]
