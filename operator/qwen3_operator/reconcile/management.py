"""GET on the management port of a pod: no redirects, and no more than is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_runtime.config import MANAGEMENT_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp


async def fetch(
    session: aiohttp.ClientSession, address: str, path: str, most: int, headers: Mapping[str, str] | None = None
) -> bytes:
    """The body of the answer, cut at ``most`` bytes.

    Args:
        session: With a limit of time.
        address: IP address of the pod.
        path: Of the resource, e.g. ``/metrics``.
        most: Bytes: whatever answers there must not fill the operator's memory.
        headers: Of the request.

    Raises:
        aiohttp.ClientError: no answer, or another status than 2xx.
    """
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{MANAGEMENT_PORT}{path}"
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        response.raise_for_status()
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) >= most:
                break
    return bytes(body[:most])
