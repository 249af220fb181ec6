"""One replica reconciles: a Lease, by the official client's election."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp
from kubernetes.aio.client import V1Lease, V1ObjectMeta
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection import electionconfig, leaderelection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock
from typing_extensions import override

from qwen3_operator import metrics

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

    from qwen3_operator.settings import Settings

_LOG = logging.getLogger(__name__)
_LEASE_SECONDS = 15
_RENEW_SECONDS = 10
_RETRY_SECONDS = 2
_LOST = (aiohttp.ClientError, OSError)
_Record = tuple[bool, LeaderElectionRecord] | tuple[bool, Exception] | tuple[bool, None]


class LeadershipLost(Exception):  # noqa: N818 - an event, not a programming error
    """Another replica may reconcile from now on; this process must end."""


class _Lock(LeaseLock):
    """The library's lock, for which a lost connection is a failed attempt and not the end."""

    @override
    async def get(self, name: str, namespace: str) -> _Record:
        try:
            return await super().get(name, namespace)
        except _LOST as error:
            return False, ApiException(status=0, reason=type(error).__name__)

    @override
    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """The library's own sends ``pretty=True``, which its generated client refuses (kubernetes 37.0.2)."""
        lease = V1Lease(metadata=V1ObjectMeta(name=name), spec=self.update_lease(election_record))
        try:
            self.lease_reference = await self.api_instance.create_namespaced_lease(namespace, lease)
        except (ApiException, *_LOST):
            return False
        return True

    @override
    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        try:
            return bool(await super().update(name, namespace, updated_record))
        except _LOST:
            return False

    async def release(self) -> None:
        """Let the next replica lead at once instead of after the Lease's time."""
        await self.get(self.name, self.namespace)  # the last renewal raised its version
        lease = self.lease_reference
        if lease is None or lease.spec is None or lease.spec.holder_identity != self.identity:
            return
        lease.spec.holder_identity = None
        try:
            await self.api_instance.replace_namespaced_lease(self.name, self.namespace, lease)
        except (ApiException, *_LOST):
            _LOG.warning("lease not released; it runs out by itself")


class Leadership:
    """Waits for the Lease, keeps it, gives it back."""

    def __init__(self, api: ApiClient, settings: Settings) -> None:
        self.held = asyncio.Event()
        self._lock = _Lock(settings.lease_name, settings.own_namespace, settings.identity, api)

    async def keep(self) -> None:
        """Run the election.

        Raises:
            LeadershipLost: the Lease could not be renewed in time.
        """
        config = electionconfig.Config(
            self._lock, _LEASE_SECONDS, _RENEW_SECONDS, _RETRY_SECONDS, self._started, self._stopped
        )
        await leaderelection.LeaderElection(config).run()
        raise LeadershipLost

    async def release(self) -> None:
        """Give the Lease back, if it is held."""
        if self.held.is_set():
            await self._lock.release()

    async def _started(self) -> None:
        _LOG.info("leading")
        metrics.LEADER.set(1)
        self.held.set()

    async def _stopped(self) -> None:
        metrics.LEADER.set(0)
