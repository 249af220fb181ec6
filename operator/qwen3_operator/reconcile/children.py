"""Children: applied where they differ, removed when nothing renders them any more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.drift import fingerprint, needs_apply
from qwen3_operator.reconcile.kinds import CHILD_KINDS, Key, Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.observed import Observed

_LOG = logging.getLogger(__name__)
_CONFLICT = 409


class Children:
    """Server-side apply with memory: what the API server answered last is known to be what it makes of a manifest."""

    def __init__(self, client: Client, cache: Cache) -> None:
        self._client = client
        self._cache = cache
        self._known_good: dict[Key, dict[tuple[Kind, str], str]] = {}

    def forget(self, key: Key) -> None:
        """The deployment is gone; the garbage collector removes its children."""
        self._known_good.pop(key, None)

    async def apply(self, key: Key, desired: Sequence[dict[str, Any]]) -> bool:
        """Apply every manifest that differs from the cluster.

        Returns:
            Whether anything differed.

        Raises:
            ApiError: the API server refused one, or could not be reached; 409 when the name belongs to somebody else.
        """
        known_good = self._known_good.setdefault(key, {})
        differed = False
        for manifest in desired:
            kind, name = kind_of(manifest), manifest["metadata"]["name"]
            live = self._live(kind, key, name)
            if not needs_apply(manifest, live, known_good.get((kind, name))):
                continue
            if live is None:
                await self._refuse_foreign(kind, manifest)
            applied = await self._client.apply(manifest)
            differed = True
            known_good[kind, name] = fingerprint(applied)
            self._cache.put(kind, applied)
            _LOG.info("applied", extra={"namespace": key.namespace, "kind": kind.value.kind, "object": name})
        return differed

    async def prune(
        self, key: Key, owner: Mapping[str, Any], desired: Sequence[Mapping[str, Any]], observed: Observed
    ) -> None:
        """Delete our children that are no longer rendered, all but DaemonSets only when what replaces them serves.

        Raises:
            ApiError: the API server refused, or could not be reached.
        """
        if not desired:
            return
        serves = sum(view.is_ready for view in observed.updated) >= observed.wanted
        wanted = {(kind_of(child), child["metadata"]["name"]) for child in desired}
        for kind in CHILD_KINDS if serves else (Kind.DAEMON_SET,):
            for child in self._cache.owned(kind, key):
                name = child["metadata"]["name"]
                if (kind, name) in wanted or "deletionTimestamp" in child["metadata"] or not _is_ours(child, owner):
                    continue
                await self._client.delete({**child, "kind": kind.value.kind})
                _LOG.info("deleted", extra={"namespace": key.namespace, "kind": kind.value.kind, "object": name})

    def _live(self, kind: Kind, key: Key, name: str) -> dict[str, Any] | None:
        return next((child for child in self._cache.owned(kind, key) if child["metadata"]["name"] == name), None)

    async def _refuse_foreign(self, kind: Kind, manifest: dict[str, Any]) -> None:
        """A forced apply would take over an object of the same name that somebody else made."""
        metadata = manifest["metadata"]
        found = await self._client.list(
            kind, namespace=metadata["namespace"], fields=f"metadata.name={metadata['name']}"
        )
        if any(not _is_ours(existing, {"metadata": metadata["ownerReferences"][0]}) for existing in found.items):
            message = f"{kind.value.kind} {metadata['name']} exists and is not ours: rename it or this deployment"
            raise ApiError(_CONFLICT, message)


def _is_ours(child: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    owners = child["metadata"].get("ownerReferences", ())
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in owners)
