"""Raw objects as the watches and the sweep saw them last, grouped by the deployment that they belong to."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.reconcile.kinds import Key, Kind, owner_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Object = dict[str, Any]

_TOMBSTONES = 10_000
"""Deletions remembered, so that a LIST older than the deletion does not bring the object back."""
_CLUSTER = Key("", "")


class Change(NamedTuple):
    """An object before (None: it is new) and now."""

    previous: Object | None
    current: Object


class Cache:
    """Not thread-safe: lives in the main event loop. Objects are never modified in place."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[Key, dict[str, Object]]] = {kind: defaultdict(dict) for kind in Kind}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def get(self, key: Key) -> Object | None:
        """The Qwen3Deployment of this key."""
        return self._objects[Kind.QWEN3DEPLOYMENT].get(key, {}).get(key.name)

    def owned(self, kind: Kind, key: Key) -> tuple[Object, ...]:
        """Objects of a kind with the label of this deployment, by name."""
        return tuple(obj for _, obj in sorted(self._objects[kind].get(key, {}).items()))

    def node(self, name: str) -> Object | None:
        """A node by name."""
        return self._objects[Kind.NODE].get(_CLUSTER, {}).get(name)

    def deployments(self) -> tuple[Key, ...]:
        """Keys of all Qwen3Deployments."""
        return tuple(self._objects[Kind.QWEN3DEPLOYMENT])

    def all(self, kind: Kind) -> Iterator[Object]:
        """All objects of a kind."""
        for group in self._objects[kind].values():
            yield from group.values()

    def count(self, kind: Kind) -> int:
        """How many objects of a kind are cached."""
        return sum(len(group) for group in self._objects[kind].values())

    def put(self, kind: Kind, obj: Object) -> Change | None:
        """Store what a watch or a LIST delivered. None when something as new, or the deletion, is known already."""
        group, name = self._group(kind, obj), obj["metadata"]["name"]
        known = self._objects[kind].get(group, {}).get(name)
        if obj["metadata"]["uid"] in self._gone or (known is not None and _version(known) >= _version(obj)):
            return None
        current = _slim(obj)
        self._objects[kind][group][name] = current
        return Change(known, current)

    def remove(self, kind: Kind, obj: Object) -> bool:
        """Forget an object. False when it, or this incarnation of it, was not known."""
        uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
        self._gone[uid] = None
        if len(self._gone) > _TOMBSTONES:
            self._gone.popitem(last=False)
        group = self._group(kind, obj)
        known = self._objects[kind].get(group, {}).get(name)
        if known is None or known["metadata"]["uid"] != uid:
            return False
        del self._objects[kind][group][name]
        if not self._objects[kind][group]:
            del self._objects[kind][group]
        return True

    def missing(self, kind: Kind, listed: Iterable[Object], resource_version: str) -> tuple[Object, ...]:
        """Cached objects that a complete LIST at this version did not contain: their deletion was lost."""
        uids = {obj["metadata"]["uid"] for obj in listed}
        return tuple(
            obj
            for obj in self.all(kind)
            if obj["metadata"]["uid"] not in uids and _version(obj) <= int(resource_version)
        )

    @staticmethod
    def _group(kind: Kind, obj: Object) -> Key:
        return owner_key(kind, obj) or Key(obj["metadata"].get("namespace", ""), "")


def _version(obj: Object) -> int:
    """Resource versions of one kind are comparable numbers (KEP-5504; true of etcd ever since)."""
    return int(obj["metadata"]["resourceVersion"])


def _slim(obj: Object) -> Object:
    """Without managedFields, which are about half of an object and read by nobody here."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}
