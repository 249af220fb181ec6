"""The gateway's two files: a Secret with the tenants, a ConfigMap with the routes; written where they differ.

Beside the tenants lies the token that opens the gateway's usage and ledger. It is made here once and then kept; who
takes the entry away gets a new one.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.reconcile.kinds import Resource
from qwen3_runtime.tenancy import ROUTES_KEY, ROUTES_SUFFIX, TENANTS_KEY, TENANTS_SUFFIX, USAGE_ENTRY

if TYPE_CHECKING:
    from pydantic import BaseModel

    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.settings import Settings
    from qwen3_operator.tenancy.compile import Compiled

_LOG = logging.getLogger(__name__)
SECRET = Resource("Secret", "", "v1", "secrets")
CONFIG_MAP = Resource("ConfigMap", "", "v1", "configmaps")


_TOKEN_BYTES = 32
_Entries = dict[str, str]


class _File(NamedTuple):
    """One object and the entries that are ours."""

    resource: Resource
    suffix: str
    entries: tuple[str, ...]


_ROUTES = _File(CONFIG_MAP, ROUTES_SUFFIX, (ROUTES_KEY,))
_TENANTS = _File(SECRET, TENANTS_SUFFIX, (TENANTS_KEY, USAGE_ENTRY))


class GatewayFiles:
    """Server-side apply with memory. The chart makes both objects empty; without them it makes them."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._known: dict[_File, _Entries] = {}
        self._token = ""
        self._has_token = asyncio.Event()

    async def usage_token(self) -> str:
        """The token that the gateway knows; waits until it has one."""
        await self._has_token.wait()
        return self._token

    def doubt(self) -> None:
        """Somebody may have written there: read before the next write is left out."""
        self._known.clear()

    async def write(self, compiled: Compiled) -> None:
        """Write what differs from what is there: routes first, since tenants name them.

        Raises:
            ApiError: the API server refused, or could not be reached.
        """
        await self._put(_ROUTES, {ROUTES_KEY: _json(compiled.routes)})
        token = (await self._there(_TENANTS)).get(USAGE_ENTRY) or secrets.token_urlsafe(_TOKEN_BYTES)
        await self._put(_TENANTS, {TENANTS_KEY: _json(compiled.tenants), USAGE_ENTRY: token})
        self._token = token
        self._has_token.set()

    async def _put(self, file: _File, wanted: _Entries) -> None:
        if await self._there(file) != wanted:
            await self._apply(file, wanted)
            self._known[file] = wanted

    async def _there(self, file: _File) -> _Entries:
        """Our entries as they are; empty where there is none."""
        if file not in self._known:
            data = (await self._client.find(self._path(file)) or {}).get("data") or {}
            self._known[file] = {name: _plain(file, data[name]) for name in file.entries if name in data}
        return self._known[file]

    def _path(self, file: _File) -> str:
        return file.resource.path(self._settings.own_namespace, self._name(file))

    def _name(self, file: _File) -> str:
        return f"{self._settings.full_name}{file.suffix}"

    async def _apply(self, file: _File, entries: _Entries) -> None:
        manifest: dict[str, Any] = {
            "apiVersion": file.resource.api_version,
            "kind": file.resource.kind,
            "metadata": {"name": self._name(file), "namespace": self._settings.own_namespace},
            "data": {name: _stored(file, text) for name, text in entries.items()},
        }
        await self._client.apply_at(self._path(file), manifest)
        _LOG.info("gateway told", extra={"kind": file.resource.kind, "bytes": sum(map(len, entries.values()))})


def _json(content: BaseModel) -> str:
    return content.model_dump_json(by_alias=True, exclude_none=True)


def _plain(file: _File, value: str) -> str:
    return base64.b64decode(value).decode(errors="replace") if file.resource is SECRET else value


def _stored(file: _File, text: str) -> str:
    return base64.b64encode(text.encode()).decode() if file.resource is SECRET else text
