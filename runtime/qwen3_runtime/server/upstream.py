"""The runtime's client of the engine on loopback."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

KEEP_ALIVE_SECONDS = 2.0
"""Below the 5 s after which the engine's server closes an idle connection, so that none is reused while it closes."""
CONNECT_SECONDS = 5.0
METRICS_SECONDS = 5.0


class Upstream:
    """Connections to the engine, reused; no limit on their number, since the engine queues by itself."""

    def __init__(self, port: int) -> None:
        self._base = URL(f"http://127.0.0.1:{port}")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    def request(
        self, method: str, target: URL, body: bytes | None, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a request; use as an asynchronous context manager. Leaving it early aborts the engine's work."""
        return self._session.request(method, self._base.join(target), data=body, headers=headers, allow_redirects=False)

    async def fetch(self, path: str, within: float) -> bytes | None:
        """Body of a GET, or None when the engine does not answer 200 in time."""
        try:
            async with asyncio.timeout(within), self.request("GET", URL(path), None, {}) as response:
                return await response.read() if response.status == HTTPStatus.OK else None
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            return None

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
