"""What a change of replicas does beside the replicas: the emptiest pods are marked, and an Event tells of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qwen3_operator.api.base import API_VERSION
from qwen3_operator.autoscale import record
from qwen3_operator.autoscale.fleet import emptiest_first
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.events import event
from qwen3_operator.reconcile.kinds import Kind

if TYPE_CHECKING:
    from qwen3_operator.api.decision import Change
    from qwen3_operator.autoscale.samples import Samples
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.kinds import Key

_LOG = logging.getLogger(__name__)
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class Acts:
    """By way of the API server; where it refuses, the change goes on without."""

    def __init__(self, client: Client, cache: Cache, identity: str) -> None:
        self._client = client
        self._cache = cache
        self._identity = identity

    async def mark_emptiest(self, key: Key, found: Samples) -> None:
        """The ReplicaSet ends the pod with the lowest cost first. It is advice: without it any pod drains."""
        in_flight = {pod: sample.in_flight for (namespace, pod), sample in found.pods.items() if namespace == key[0]}
        pods = {pod["metadata"]["name"]: pod["metadata"] for pod in self._cache.owned(Kind.POD, key)}
        for name, cost in emptiest_first(self._cache.owned(Kind.POD, key), in_flight).items():
            metadata = pods[name]
            if (metadata.get("annotations") or {}).get(DELETION_COST, "0") == str(cost):
                continue
            manifest = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": key.namespace,
                    "uid": metadata["uid"],
                    "annotations": {DELETION_COST: str(cost)},
                },
            }
            try:
                await self._client.apply(manifest)
            except ApiError as error:
                _LOG.warning("pod not marked", extra={"object": name, "error": str(error)})

    async def post(self, key: Key, entry: Change) -> None:
        """Events are a courtesy: the status says the same."""
        deployment = self._cache.get(key)
        if deployment is None:
            return
        about = {**deployment, "apiVersion": API_VERSION}
        try:
            await self._client.create_event(event(about, record.told(entry), self._identity, datetime.now(UTC)))
        except ApiError as error:
            _LOG.warning("event not posted", extra={"reason": entry.rule, "error": str(error)})
