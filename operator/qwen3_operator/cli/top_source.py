"""Where ``top`` finds a Prometheus: at a URL, or behind the API server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import aiohttp

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.top_series import QUERY, parsed

if TYPE_CHECKING:
    from qwen3_operator.autoscale.samples import Place
    from qwen3_operator.cli.cluster import Cluster
    from qwen3_operator.cli.top_series import Numbers

_PATH = "/api/v1/query?" + urlencode({"query": QUERY}, quote_via=quote)
_SERVICE = re.compile(r"([a-z0-9-]+)/([a-z0-9-]+:[a-z0-9-]+)")
_TIMEOUT = aiohttp.ClientTimeout(total=10.0)


async def numbers(cluster: Cluster, source: str) -> dict[Place, Numbers]:
    """By deployment.

    Args:
        cluster: Through whose API server a Service is reached.
        source: A URL, or ``NAMESPACE/SERVICE:PORT``.

    Raises:
        InputError: no Prometheus answers there.
    """
    try:
        return parsed(await _answer(cluster, source))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{source} does not answer as Prometheus") from error


async def _answer(cluster: Cluster, source: str) -> Any:
    if source.startswith(("http://", "https://")):
        return await _fetched(source.rstrip("/"))
    service = _SERVICE.fullmatch(source)
    if service is None:
        raise InputError(f"--prometheus is {source}: it must be a URL, or NAMESPACE/SERVICE:PORT")
    answer = await cluster.proxied(service[1], service[2], _PATH)
    if answer is None:
        raise InputError(f"there is no Prometheus behind the Service {source}")
    return answer


async def _fetched(url: str) -> Any:
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(f"{url}{_PATH}") as response,
        ):
            return json.loads(await response.text())
    except (aiohttp.ClientError, OSError) as error:
        raise InputError(f"{url} is not reached: {error or type(error).__name__}") from error
