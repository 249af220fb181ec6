"""Makes, changes and removes the ResourceQuotas of tenants; no other quota is touched."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.api.base import TENANT_LABEL
from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.observed import Verdict
from qwen3_operator.tenancy.devices import is_ours, limited, usage, wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.api.tenant import TenantDeviceUsage
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client

_LOG = logging.getLogger(__name__)
_NOT_FOUND = 404
_Place = tuple[str, str]
"""Namespace and name."""


class Held(NamedTuple):
    """What a tenant's devices come to."""

    verdict: Verdict
    usage: tuple[TenantDeviceUsage, ...] = ()


class DeviceQuotas:
    """Server-side apply with memory: a refusal is not asked for again before `doubt`."""

    def __init__(self, client: Client, cache: Cache, namespace: str) -> None:
        """``namespace`` is the operator's, where tenants lie."""
        self._client = client
        self._cache = cache
        self._namespace = namespace
        self._applied: dict[_Place, tuple[dict[str, Any], Any]] = {}
        """The last manifest, and the spec that the API server made of it."""
        self._refused: dict[_Place, tuple[dict[str, Any], Verdict]] = {}

    def doubt(self) -> None:
        """A namespace may be there by now, or a right granted."""
        self._refused.clear()

    async def keep(self, tenants: Iterable[Mapping[str, Any]]) -> Mapping[str, Held]:
        """Bring the quotas to what the tenants ask for; by tenant with ``spec.devices``.

        Raises:
            ApiError: the API server could not be reached.
        """
        asked = wanted(tenants, self._namespace)
        held = {name: Held(verdict) for name, verdict in asked.refused.items()}
        for name, manifest in asked.quotas.items():
            held[name] = await self._kept(manifest)
        stay = {_place(manifest) for manifest in asked.quotas.values()}
        unclear = asked.unclear | {name for name in asked.quotas if held[name].verdict.status is ConditionStatus.FALSE}
        for quota in [one for one in self._cache.all(Kind.RESOURCE_QUOTA) if is_ours(one, self._namespace)]:
            if _place(quota) not in stay and quota["metadata"]["labels"][TENANT_LABEL] not in unclear:
                await self._remove(quota)
        return held

    async def _kept(self, manifest: dict[str, Any]) -> Held:
        place = _place(manifest)
        if place in self._refused and self._refused[place][0] == manifest:
            return Held(self._refused[place][1])
        try:
            live = self._live(place) or await self._found(place)
            if live is not None and not is_ours(live, self._namespace):
                return self._refuse(manifest, "QuotaNotOurs", "exists and is of somebody else: delete it")
            if live is None or not self._is_as_applied(manifest, live):
                live = await self._apply(manifest)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return self._refuse(manifest, "NamespaceNotFound", f"cannot be made: {error.message}")
            if not error.status:
                raise
            why = f"is refused: {error.message}"
            if not error.is_refusal:  # as of a webhook that fails; the other tenants' limits must not wait for it
                return Held(_refused(manifest, "QuotaRefused", why))
            return self._refuse(manifest, "QuotaRefused", why)
        return Held(limited(manifest), usage({**live, "spec": manifest["spec"]}))

    async def _apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        namespace, name = place = _place(manifest)
        applied = await self._client.apply_at(Kind.RESOURCE_QUOTA.value.path(namespace, name), manifest)
        self._applied[place] = manifest, applied["spec"]
        self._cache.put(Kind.RESOURCE_QUOTA, applied)
        _LOG.info("quota applied", extra={"namespace": namespace, "object": name})
        return applied

    def _is_as_applied(self, manifest: dict[str, Any], live: Mapping[str, Any]) -> bool:
        """Fields that others set beside ours stay theirs, once our apply is known to have left them."""
        if not manifest["metadata"]["labels"].items() <= live["metadata"]["labels"].items():
            return False
        return live["spec"] == manifest["spec"] or self._applied.get(_place(manifest)) == (manifest, live["spec"])

    def _refuse(self, manifest: dict[str, Any], reason: str, why: str) -> Held:
        """Not to be asked for again before `doubt`."""
        verdict = _refused(manifest, reason, why)
        self._refused[_place(manifest)] = manifest, verdict
        return Held(verdict)

    def _live(self, place: _Place) -> dict[str, Any] | None:
        return next((quota for quota in self._cache.all(Kind.RESOURCE_QUOTA) if _place(quota) == place), None)

    async def _found(self, place: _Place) -> dict[str, Any] | None:
        """An object that the watch has not told of yet: a forced apply would take it over."""
        found = await self._client.find_named(Kind.RESOURCE_QUOTA.value, *place)
        return next(iter(found.items), None)

    async def _remove(self, quota: dict[str, Any]) -> None:
        namespace, name = _place(quota)
        try:
            await self._client.delete({**quota, "kind": Kind.RESOURCE_QUOTA.value.kind})
        except ApiError as error:
            if not error.status:
                raise
            _LOG.warning("quota not removed", extra={"namespace": namespace, "object": name, "error": str(error)})
            return
        _LOG.info("quota removed", extra={"namespace": namespace, "object": name})


def _place(quota: Mapping[str, Any]) -> _Place:
    return quota["metadata"]["namespace"], quota["metadata"]["name"]


def _refused(manifest: Mapping[str, Any], reason: str, why: str) -> Verdict:
    namespace, name = _place(manifest)
    return Verdict(ConditionStatus.FALSE, reason, f"ResourceQuota {name} of namespace {namespace} {why}")
