"""A tenant's ceiling on thoughts, in the words of the chat API (docs/thinking.md). Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qwen3_runtime.config import ThinkingMode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.gateway.call import Call
    from qwen3_runtime.tenancy import Route

BUDGET = "thinking_budget"
ENABLE = "enable_thinking"
TEMPLATE = "chat_template_kwargs"


def with_ceiling(call: Call, ceiling: int | None, route: Route) -> Call:
    """The chat with no more thinking than the tenant may have; the same object where nothing has to change."""
    if ceiling is None or route.thinking is ThinkingMode.NEVER:
        return call
    request = json.loads(call.body)
    changes = _changes(request, ceiling, route)
    return replace(call, body=json.dumps(request | changes).encode()) if changes else call


def _changes(request: Mapping[str, Any], ceiling: int, route: Route) -> dict[str, Any]:
    if ceiling == 0 and route.thinking is ThinkingMode.HYBRID:
        return _without_thought(request)
    most = route.max_thinking_tokens
    if most is None or most <= ceiling:
        return {}
    # A thought of a model that always thinks has at least one token.
    ceiling = max(1, ceiling)
    asked = request.get(BUDGET)
    # What is no number the replica refuses, in its own words.
    is_within = asked is not None and (not isinstance(asked, int) or asked <= ceiling)
    return {} if is_within else {BUDGET: ceiling}


def _without_thought(request: Mapping[str, Any]) -> dict[str, Any]:
    """The one field that wins over all others by which a request could ask for a thought."""
    template = request.get(TEMPLATE)
    known = template if isinstance(template, dict) else {}
    return {} if known.get(ENABLE) is False else {TEMPLATE: known | {ENABLE: False}}
