"""A collection of one namespace as the API server has it: a LIST, then every change."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from qwen3_operator.reconcile.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.kinds import Resource

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_WATCH_SECONDS = 300
"""After which everything is listed again, which also mends what a watch lost."""
_RETRY_SECONDS = 2.0
_REFUSED_SECONDS = 30.0
"""Without the right, or the kind, somebody may grant or install it later."""
_GONE = 410
_NOT_FOUND = 404


class Follower(Generic[T]):
    """Keeps ``keep(object)`` of each object by name, and says when anything changed."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str,
        keep: Callable[[dict[str, Any]], T],
        changed: Callable[[], None],
        *,
        fields: str | None = None,
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._keep = keep
        self._changed = changed
        self._fields = fields
        self.objects: dict[str, T] = {}
        self.read = asyncio.Event()
        """Set when everything was listed once: what is compiled before would lock tenants out."""

    def put(self, obj: dict[str, Any]) -> None:
        """What a write answered, before the watch tells of it; an object that is gone stays so."""
        if obj["metadata"]["name"] in self.objects:
            self.objects[obj["metadata"]["name"]] = self._keep(obj)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._follow()
            except ApiError as error:
                if error.status == _GONE:
                    continue
                _LOG.warning("not followed", extra={"kind": self._resource.kind, "error": str(error)})
                is_refused = error.is_refusal or error.status == _NOT_FOUND
                await asyncio.sleep(_REFUSED_SECONDS if is_refused else _RETRY_SECONDS)

    async def _follow(self) -> None:
        listed = await self._client.list_resource(self._resource, namespace=self._namespace, fields=self._fields)
        self.objects = {obj["metadata"]["name"]: self._keep(obj) for obj in listed.items}
        self.read.set()
        self._changed()
        await self._client.follow(
            self._resource,
            self._namespace,
            listed.resource_version,
            self._take,
            fields=self._fields,
            seconds=_WATCH_SECONDS,
        )

    def _take(self, event: dict[str, Any]) -> None:
        obj = event["object"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self.objects[obj["metadata"]["name"]] = self._keep(obj)
            case "DELETED":
                self.objects.pop(obj["metadata"]["name"], None)
            case "ERROR":
                raise ApiError(int(obj.get("code", 0)), str(obj.get("message", "the watch failed")))
            case _:
                return
        self._changed()
