"""The gateway's two files: a Secret with the tenants, a ConfigMap with the routes; written where they differ."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.reconcile.kinds import Resource
from qwen3_runtime.tenancy import ROUTES_KEY, ROUTES_SUFFIX, TENANTS_KEY, TENANTS_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.settings import Settings
    from qwen3_operator.tenancy.compile import Compiled

_LOG = logging.getLogger(__name__)
SECRET = Resource("Secret", "", "v1", "secrets")
CONFIG_MAP = Resource("ConfigMap", "", "v1", "configmaps")


class _File(NamedTuple):
    """One object with one entry."""

    resource: Resource
    suffix: str
    entry: str


_ROUTES = _File(CONFIG_MAP, ROUTES_SUFFIX, ROUTES_KEY)
_TENANTS = _File(SECRET, TENANTS_SUFFIX, TENANTS_KEY)


class GatewayFiles:
    """Server-side apply with memory. The chart makes both objects empty; without them it makes them."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._known: dict[_File, str] = {}

    def doubt(self) -> None:
        """Somebody may have written there: read before the next write is left out."""
        self._known.clear()

    async def write(self, compiled: Compiled) -> None:
        """Write what differs from what is there: routes first, since tenants name them.

        Raises:
            ApiError: the API server refused, or could not be reached.
        """
        for file, content in ((_ROUTES, compiled.routes), (_TENANTS, compiled.tenants)):
            text = content.model_dump_json(by_alias=True, exclude_none=True)
            if file not in self._known:
                self._known[file] = await self._read(file)
            if self._known[file] != text:
                await self._apply(file, text)
                self._known[file] = text

    def _path(self, file: _File) -> str:
        return file.resource.path(self._settings.own_namespace, self._name(file))

    def _name(self, file: _File) -> str:
        return f"{self._settings.full_name}{file.suffix}"

    async def _read(self, file: _File) -> str:
        """Content of the entry; empty where there is none."""
        found = await self._client.find(self._path(file))
        return _plain(file, (found or {}).get("data") or {})

    async def _apply(self, file: _File, text: str) -> None:
        value = base64.b64encode(text.encode()).decode() if file.resource is SECRET else text
        manifest: dict[str, Any] = {
            "apiVersion": file.resource.api_version,
            "kind": file.resource.kind,
            "metadata": {"name": self._name(file), "namespace": self._settings.own_namespace},
            "data": {file.entry: value},
        }
        await self._client.apply_at(self._path(file), manifest)
        _LOG.info("gateway told", extra={"kind": file.resource.kind, "bytes": len(text)})


def _plain(file: _File, data: Mapping[str, str]) -> str:
    text = data.get(file.entry, "")
    return base64.b64decode(text).decode(errors="replace") if file.resource is SECRET else text
