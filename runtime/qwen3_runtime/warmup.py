"""From an engine that starts to a first token."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.routes import GENERATE

if TYPE_CHECKING:
    from qwen3_runtime.engines.base import Adapter
    from qwen3_runtime.server.upstream import Upstream

LIVE_SECONDS = 0.1
"""Between two questions whether the engine answers; while it does not listen, one costs microseconds."""
LIVE_LIMIT_SECONDS = 5.0


class WarmUpError(Exception):
    """The engine refused the first request; the text is its answer."""


async def wait_until_live(upstream: Upstream, adapter: Adapter) -> None:
    """Wait until the engine takes requests. Never returns for one that dies before."""
    while await upstream.fetch(adapter.live_path, LIVE_LIMIT_SECONDS) is None:  # noqa: ASYNC110 - it sends no event
        await asyncio.sleep(LIVE_SECONDS)


async def wait_for_first_token(upstream: Upstream, adapter: Adapter, model: str) -> None:
    """Generate one token: until then kernels are compiled and caches are cold.

    Raises:
        WarmUpError: the engine answers with an error.
    """
    while not await _generate(upstream, adapter, model):  # noqa: ASYNC110 - the same
        await asyncio.sleep(LIVE_SECONDS)
    await upstream.fetch(adapter.settle_path, LIVE_LIMIT_SECONDS)


async def _generate(upstream: Upstream, adapter: Adapter, model: str) -> bool:
    request = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    headers = ((b"content-type", b"application/json"),)
    # A lost connection is a dying engine, which `Keeper.ended` reports better.
    with suppress(EngineError):
        async with upstream.request("POST", GENERATE[0].encode(), json.dumps(request).encode(), headers) as answer:
            if answer.status != HTTPStatus.OK:
                said = (await answer.read()).decode(errors="replace")[:500]
                raise WarmUpError(f"{adapter.name} answered its first request with {answer.status}: {said}")
            return True
    return False
