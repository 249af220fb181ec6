from __future__ import annotations

import json
from typing import Any

import pytest

from qwen3_runtime.config import ThinkingMode
from qwen3_runtime.gateway.call import read_call
from qwen3_runtime.gateway.thinking import with_ceiling
from qwen3_runtime.tenancy import Route

HYBRID, ALWAYS, NEVER = ThinkingMode.HYBRID, ThinkingMode.ALWAYS, ThinkingMode.NEVER
OFF = {"chat_template_kwargs": {"enable_thinking": False}}


def capped(fields: dict[str, Any], ceiling: int | None, mode: ThinkingMode, most: int | None) -> dict[str, Any]:
    """What changed in the request."""
    request: dict[str, Any] = {"model": "m", "messages": []} | fields
    call = read_call(json.dumps(request).encode(), usage_option=True)
    route = Route(name="m", namespace="n", deployment="d", context_length=9, thinking=mode, max_thinking_tokens=most)
    sent = json.loads(with_ceiling(call, ceiling, route).body)
    return {name: value for name, value in sent.items() if request.get(name) != value}


@pytest.mark.parametrize(
    ("fields", "ceiling", "mode", "most", "changes"),
    [
        ({}, None, HYBRID, 900, {}),
        ({}, 100, NEVER, None, {}),
        ({}, 100, HYBRID, None, {}),  # the tenant's condition says so
        ({}, 100, HYBRID, 900, {"thinking_budget": 100}),
        ({}, 100, ALWAYS, 900, {"thinking_budget": 100}),
        ({}, 900, HYBRID, 900, {}),  # the deployment's own ceiling does it
        ({"thinking_budget": 500}, 100, HYBRID, 900, {"thinking_budget": 100}),
        ({"thinking_budget": 50}, 100, HYBRID, 900, {}),
        ({"thinking_budget": 0}, 100, HYBRID, 900, {}),
        ({"thinking_budget": None}, 100, HYBRID, 900, {"thinking_budget": 100}),
        ({"thinking_budget": "x"}, 100, HYBRID, 900, {}),
        ({}, 0, HYBRID, None, OFF),
        ({"chat_template_kwargs": {"enable_thinking": True}, "enable_thinking": True}, 0, HYBRID, 900, OFF),
        ({"chat_template_kwargs": {"enable_thinking": False}}, 0, HYBRID, 900, {}),
        ({}, 0, ALWAYS, 900, {"thinking_budget": 1}),
        ({"thinking_budget": 0}, 0, ALWAYS, 900, {}),
    ],
)
def test_the_ceiling_sets_or_lowers_the_budget(
    fields: dict[str, Any], ceiling: int | None, mode: ThinkingMode, most: int | None, changes: dict[str, Any]
) -> None:
    assert capped(fields, ceiling, mode, most) == changes
