"""From an engine that starts to a first token."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from qwen3_runtime.config import Task
from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.routes import PATHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.config import RuntimeConfig
    from qwen3_runtime.engines.base import Adapter
    from qwen3_runtime.server.upstream import Upstream

LIVE_SECONDS = 0.1
"""Between two questions whether the engine answers; while it does not listen, one costs microseconds."""
LIVE_LIMIT_SECONDS = 5.0
_FIRST_REQUEST: Mapping[Task, Mapping[str, Any]] = {
    Task.GENERATE: {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
    Task.EMBED: {"input": "Hi"},
    Task.RERANK: {"query": "Hi", "documents": ["Hello"]},
}


class WarmUpError(Exception):
    """The engine refused the first request; the text is its answer."""


async def wait_until_live(upstream: Upstream, path: str) -> None:
    """Wait until the engine answers on ``path``. Never returns for one that dies before."""
    while await upstream.fetch(path, LIVE_LIMIT_SECONDS) is None:  # noqa: ASYNC110 - it sends no event
        await asyncio.sleep(LIVE_SECONDS)


async def wait_for_first_token(upstream: Upstream, adapter: Adapter, config: RuntimeConfig) -> None:
    """One token, vector or score of the model and of each of its adapters.

    Until then kernels are compiled and caches are cold.

    Raises:
        WarmUpError: the engine answers with an error.
    """
    for number, name in enumerate(config.names):
        task = config.task or Task.GENERATE
        request = first_request(name, task, (adapter.adapter_fields(name) or {}) if number else {})
        while not await _ask(upstream, adapter, request, task):  # noqa: ASYNC110 - the same
            await asyncio.sleep(LIVE_SECONDS)
    if adapter.settle_path is not None:
        await upstream.fetch(adapter.settle_path, LIVE_LIMIT_SECONDS)


def first_request(name: str, task: Task, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a model answers with one token, vector or score; ``fields`` are those of an adapter."""
    return {"model": name, **_FIRST_REQUEST[task], **fields}


async def _ask(upstream: Upstream, adapter: Adapter, request: Mapping[str, Any], task: Task) -> bool:
    headers = ((b"content-type", b"application/json"),)
    # A lost connection is a dying engine, which `Keeper.ended` reports better.
    with suppress(EngineError):
        async with upstream.request("POST", PATHS[task][0].encode(), json.dumps(request).encode(), headers) as answer:
            if answer.status != HTTPStatus.OK:
                said = (await answer.read()).decode(errors="replace")[:500]
                asked = f"its first request to {request['model']}"
                raise WarmUpError(f"{adapter.name} answered {asked} with {answer.status}: {said}")
            return True
    return False
