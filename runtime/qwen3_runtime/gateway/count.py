"""How many tokens a message has: by a replica's own tokenizer where one has room now, else by an estimate."""

from __future__ import annotations

import asyncio
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from qwen3_runtime.config import Task
from qwen3_runtime.gateway import errors
from qwen3_runtime.gateway.call import read_call
from qwen3_runtime.gateway.dialects.dialect import translate
from qwen3_runtime.gateway.directory import as_named
from qwen3_runtime.gateway.operations import COUNT_TOKENS, MESSAGES
from qwen3_runtime.gateway.thinking import with_ceiling
from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.media import inside_media
from qwen3_runtime.server.routes import TOKENIZE
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from qwen3_runtime.gateway.call import Call
    from qwen3_runtime.gateway.dialects.dialect import JSON
    from qwen3_runtime.gateway.dispatch import Dispatcher
    from qwen3_runtime.gateway.estimate import Estimates
    from qwen3_runtime.tenancy import Tenant

COUNT_SECONDS = 5.0
"""For a replica to count; a million tokens take about one."""
_COUNT = re.compile(rb'"count":\s*(\d+)')
"""Beside it stand all the tokens, numbers alone: not worth reading."""


async def count_tokens(tenant: Tenant, model: Dispatcher, request: JSON, estimates: Estimates) -> int:
    """Tokens of the prompt of an Anthropic request.

    Raises:
        InterruptedRequestError: it is no such request, or the model generates nothing.
    """
    if model.route.task is not Task.GENERATE:
        raise InterruptedRequestError(errors.wrong_task(model.route.name, COUNT_TOKENS))
    body = translate(MESSAGES, {"max_tokens": None} | request, as_named(model.route, request["model"]))
    # A thought that is switched off shows in the prompt.
    call = with_ceiling(read_call(body, usage_option=True), tenant.max_thinking_tokens, model.route)
    exact = None if _has_media(call) else await _asked(model, call)
    return estimates.of(tenant.name, call, generates=False).prompt if exact is None else exact


def _has_media(call: Call) -> bool:
    """Tokenizers count words, not images."""
    return next(inside_media(json.loads(call.body)), None) is not None


async def _asked(model: Dispatcher, call: Call) -> int | None:
    """What a replica counts; None where none has room, none answers in time, or its engine does not count."""
    headers = ((b"content-type", b"application/json"),)
    try:
        with model.spare() as replica:
            if replica is None:
                return None
            async with (
                asyncio.timeout(COUNT_SECONDS),
                replica.upstream.request("POST", TOKENIZE.encode(), call.body, headers) as answer,
            ):
                body = await answer.read()
                found = _COUNT.search(body) if answer.status == HTTPStatus.OK else None
                return int(found[1]) if found else None
    except (EngineError, TimeoutError):
        return None
