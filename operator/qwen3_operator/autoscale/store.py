"""Where the autoscaler's memories survive a restart: one ConfigMap per deployment, in the operator's namespace.

Prometheus could be asked for the past instead, but a day of decisions takes seconds of CPU per deployment at each
restart, and a Prometheus that started anew knows no past. In the status they would travel with every watch event.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import GROUP
from qwen3_operator.autoscale.memory import Memory
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.kinds import Key, Resource

if TYPE_CHECKING:
    from collections.abc import Container

    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.settings import Settings

_LOG = logging.getLogger(__name__)
CONFIG_MAP = Resource("ConfigMap", "", "v1", "configmaps")
_LABEL = f"{GROUP}/autoscaler-memory"
_DEPLOYMENT, _NAMESPACE = f"{GROUP}/deployment", f"{GROUP}/namespace"
_DATA = "memory.json.gz"


class Store:
    """Reads all at the start, writes one by one."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._namespace = settings.own_namespace
        self._prefix = settings.lease_name

    async def load(self, known: Container[Key]) -> dict[Key, Memory]:
        """The memories of deployments that exist; those of others are removed.

        Raises:
            ApiError: they could not be listed.
        """
        found: dict[Key, Memory] = {}
        for stored in await self._client.list_labelled(CONFIG_MAP, self._namespace, f"{_LABEL}={self._prefix}"):
            notes = stored["metadata"].get("annotations") or {}
            key = Key(notes.get(_NAMESPACE, ""), notes.get(_DEPLOYMENT, ""))
            if stored["metadata"]["name"] != self._name(key):
                continue  # somebody else's, with our label
            if key not in known:
                await self.remove(key)
                continue
            try:
                found[key] = Memory.from_bytes(base64.b64decode(stored.get("binaryData", {}).get(_DATA, "")))
            except ValueError as error:
                _LOG.warning("autoscaler begins anew", extra={"object": key.name, "error": str(error)})
        return found

    async def save(self, key: Key, memory: Memory) -> None:
        """Raises `ApiError`: it was refused, or the connection lost."""
        name = self._name(key)
        manifest: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": self._namespace,
                "labels": {_LABEL: self._prefix},
                "annotations": {_NAMESPACE: key.namespace, _DEPLOYMENT: key.name},
            },
            "binaryData": {_DATA: base64.b64encode(memory.to_bytes()).decode()},
        }
        await self._client.apply_at(CONFIG_MAP.path(self._namespace, name), manifest)

    async def remove(self, key: Key) -> None:
        """The deployment is gone; a failure is made good at the next start."""
        try:
            await self._client.delete_at(CONFIG_MAP.path(self._namespace, self._name(key)))
        except ApiError as error:
            _LOG.warning("autoscaler's memory not removed", extra={"object": key.name, "error": str(error)})

    def _name(self, key: Key) -> str:
        digest = hashlib.sha256(f"{key.namespace}/{key.name}".encode()).hexdigest()[:16]
        return f"{self._prefix}-memory-{digest}"
